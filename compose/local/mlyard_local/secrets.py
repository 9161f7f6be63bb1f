"""The secrets of the local stack: random, one file each, made once."""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlyard_local.errors import StateError
from mlyard_local.state import PRIVATE


def _fernet_key() -> str:
    """Return 32 random bytes as Fernet takes them: URL-safe base64 with its padding."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRETS: dict[str, dict[str, Callable[[], str]]] = {
    "model_api": {"api_key": lambda: secrets.token_urlsafe(32)},
    "training_pipeline": {
        "airflow_password": lambda: secrets.token_urlsafe(18),
        "airflow_jwt_secret": lambda: secrets.token_urlsafe(64),
        "airflow_secret_key": lambda: secrets.token_urlsafe(32),
        "airflow_fernet_key": _fernet_key,
    },
}
"""Each reader's package folder, and how each of its secrets is made."""


def make(folder: Path) -> None:
    """Write each secret that is missing to `<folder>/<package folder>/<name>`; those that exist stay as they are.

    Raises:
        StateError: a file cannot be written.
    """
    for reader, makers in SECRETS.items():
        place = folder / reader
        try:
            place.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            place.chmod(PRIVATE)
            for name, maker in makers.items():
                if not (place / name).exists():
                    _write(place / name, maker())
        except OSError as error:
            raise StateError(place, error.strerror or str(error)) from error


def _write(path: Path, secret: str) -> None:
    """Write a file of mode 0600 that is there as a whole or not at all, also after a power cut."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
