"""The versions on disk, so that the API serves with the registry away.

`<cache>/<model>/<version>-<digest>/` holds a version's files, `<cache>/<model>/current.json` says which of them serves.
Everything appears by renaming, so that processes may share a folder, and a crash leaves the old state or the new one.
"""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlyard_shared.contract import Contract
from pydantic import ValidationError

from mlyard_model_api.errors import CacheUnusable
from mlyard_model_api.serving.version import Reference
from mlyard_model_api.settings import MODEL_NAME

POINTER_FILE = "current.json"
WORK_FOLDER = ".work"
"""No model's name begins with a dot."""
ABANDONED_SECONDS = 24 * 3600.0


class Pointer(Contract):
    """Which version of a model serves, and which one did before."""

    current: Reference
    previous: Reference | None = None


class Cache:
    """One cache folder."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is written yet."""
        self.folder = folder
        self._work = folder / WORK_FOLDER

    def prepare(self) -> None:
        """Make the folder, and clear what crashed processes left in it.

        Raises:
            CacheUnusable: it cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CacheUnusable(self.folder, error.strerror or str(error)) from None
        self.check_writable(size=0)
        for leftover in self._work.iterdir():
            if time.time() - leftover.lstat().st_mtime > ABANDONED_SECONDS:
                _erase(leftover)

    def check_writable(self, *, size: int) -> None:
        """Write this many bytes and take them away again.

        Raises:
            CacheUnusable: that failed.
        """
        try:
            self._work.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._work) as file:
                file.write(bytes(size))
                file.flush()
        except OSError as error:
            raise CacheUnusable(self.folder, error.strerror or str(error)) from None

    def path(self, reference: Reference) -> Path:
        """Where a version's files are, if they are there."""
        return self.folder / reference.name / f"{reference.version}-{reference.digest[:12]}"

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        """A new folder on the cache's own file system, removed at the end unless it was renamed."""
        self._work.mkdir(mode=0o700, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._work))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, folder: Path, reference: Reference) -> None:
        """Give a finished work folder its place, unless another process has filled it meanwhile."""
        place = self.path(reference)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            folder.rename(place)
        except OSError:
            if not place.is_dir():
                raise

    def discard(self, reference: Reference) -> None:
        """Remove a version's files."""
        self._remove(self.path(reference))

    def pointers(self) -> tuple[Pointer, ...]:
        """What served last, for every model; a damaged pointer counts as none."""
        found = (self.pointer(folder.name) for folder in sorted(self.folder.iterdir()) if folder.is_dir())
        return tuple(pointer for pointer in found if pointer is not None)

    def pointer(self, name: str) -> Pointer | None:
        """What served last, for one model."""
        if MODEL_NAME.fullmatch(name) is None:
            return None
        try:
            pointer = Pointer.model_validate_json((self.folder / name / POINTER_FILE).read_bytes())
        except (OSError, ValidationError):
            return None
        return pointer if pointer.current.name == name else None

    def point(self, pointer: Pointer) -> None:
        """Say which version serves, then remove the versions that no pointer names."""
        place = self.folder / pointer.current.name
        place.mkdir(mode=0o700, exist_ok=True)
        with self.work_folder() as folder, (folder / POINTER_FILE).open("wb") as file:
            file.write(pointer.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(place / POINTER_FILE)
        # Another process may have pointed elsewhere since.
        latest = self.pointer(pointer.current.name) or pointer
        named = (pointer.current, pointer.previous, latest.current, latest.previous)
        kept = {self.path(reference) for reference in named if reference is not None}
        for other in place.iterdir():
            if other.is_dir() and other not in kept:
                self._remove(other)

    def drop(self, name: str) -> None:
        """Forget a model."""
        (self.folder / name / POINTER_FILE).unlink(missing_ok=True)
        self._remove(self.folder / name)

    def _remove(self, folder: Path) -> None:
        """Remove a folder without ever leaving half of it in its place."""
        grave = self._work / f"removed-{secrets.token_hex(8)}"
        try:
            folder.rename(grave)
        except FileNotFoundError:
            return
        shutil.rmtree(grave, ignore_errors=True)


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
