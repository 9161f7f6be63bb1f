"""The secrets of the local stack: random, one file each, made once."""

import base64
import os
import secrets
import tempfile
from pathlib import Path

from mlyard_local.errors import StateError
from mlyard_local.inventory import Inventory, Secret
from mlyard_local.state import PRIVATE


def make(folder: Path) -> None:
    """Write each secret that is missing to `<folder>/<package folder>/<name>`; those that exist stay as they are.

    Raises:
        StateError: a file cannot be written.
    """
    for package, files in Inventory.load().files().items():
        place = folder / package
        try:
            place.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            place.chmod(PRIVATE)
            for name, secret in files.items():
                if not (place / name).exists():
                    _write(place / name, _random(secret))
        except OSError as error:
            raise StateError.of(place, error) from error


def _random(secret: Secret) -> str:
    value = base64.urlsafe_b64encode(secrets.token_bytes(secret.bytes)).decode()
    return value if secret.padded else value.rstrip("=")


def _write(path: Path, secret: str) -> None:
    """Write a file of mode 0600 that is there as a whole or not at all, also after a power cut."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
