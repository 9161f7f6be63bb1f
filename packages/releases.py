"""The released versions of the packages: which commit each was made of, and its source."""

import io
import subprocess
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORD = "packages/releases.toml"


class NotReleased(Exception):
    """No commit is known for a version, or this clone does not have it."""


def commit(package: str, version: str, *, root: Path = ROOT) -> str:
    """Return the commit of a version: by its tag `PACKAGE-vX.Y.Z`, else by `packages/releases.toml`.

    Raises:
        NotReleased: neither has it, or the history of this clone does not reach back to it.
    """
    record = tomllib.loads((root / RECORD).read_text())
    tag = f"refs/tags/{package}-v{version}"
    for name in (tag, record.get(package, {}).get(version)):
        if name is not None and (found := _resolve(name, root)) is not None:
            return found
    raise NotReleased(f"there is no commit of {package} {version} here: neither {tag} nor {RECORD} leads to one")


def unpack(package: str, version: str, folder: Path, *, root: Path = ROOT) -> Path:
    """Unpack a version's source below a folder, and return the package's own folder in it.

    Raises:
        NotReleased: as `commit`.
    """
    inside = f"packages/{package}"
    command = ["git", "-C", str(root), "archive", commit(package, version, root=root), inside]
    archive = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder / inside


def _resolve(name: str, root: Path) -> str | None:
    command = ["git", "-C", str(root), "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else None
