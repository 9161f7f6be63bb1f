"""The versions on disk, so that the API serves with the registry away.

`<cache>/<model>/<version>-<digest>/` holds a version's files, `<cache>/<model>/current.json` says which of them serves.
Everything appears by renaming, so that processes may share a folder, and a crash leaves the old state or the new one.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mlyard_shared.contract import Contract
from mlyard_shared.manifest import MANIFEST_FILE, parse_manifest
from pydantic import BaseModel, ConfigDict, ValidationError

from mlyard_model_api.errors import CacheUnusable
from mlyard_model_api.serving.version import Reference
from mlyard_model_api.settings import MODEL_NAME

POINTER_FILE = "current.json"
WORK_FOLDER = ".work"
TURNS_FOLDER = ".turns"
"""No model's name begins with a dot."""
ABANDONED_SECONDS = 24 * 3600.0
TURN_SECONDS = 0.05
_ASIDE = f"{POINTER_FILE}.kept-"


class Pointer(Contract):
    """Which version of a model serves, and which one did before."""

    current: Reference
    previous: Reference | None = None


class _PointerOfAnotherRelease(BaseModel):
    """A pointer with more in it than this release knows."""

    model_config = ConfigDict(extra="ignore")

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
            raise CacheUnusable(self.folder, error) from None
        self.check_writable(size=0)
        turns = self.folder / TURNS_FOLDER
        for leftover in (*self._work.iterdir(), *(turns.iterdir() if turns.is_dir() else ())):
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
            raise CacheUnusable(self.folder, error) from None

    def path(self, reference: Reference) -> Path:
        """Where a version's files are, if they are there."""
        return self.folder / reference.name / f"{reference.version}-{reference.digest[:12]}"

    def holds(self, reference: Reference) -> bool:
        """Whether a version has a folder here; raises `OSError` where that cannot be told."""
        try:
            self.path(reference).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def lacks_files(self, reference: Reference) -> bool:
        """Whether a file that belongs to a version is not in its folder."""
        folder = self.path(reference)
        try:
            manifest = parse_manifest((folder / MANIFEST_FILE).read_bytes())
            for name in manifest.files:
                (folder / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        return False

    @contextmanager
    def turn(self, reference: Reference, *, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Bring a version alone of all processes that share this folder: the others find it here, or try it next.

        Who no longer wants it waits no longer.
        """
        name = f"{reference.name}-{reference.version}-{reference.digest[:12]}.lock"
        with ExitStack() as stack:
            try:
                (self.folder / TURNS_FOLDER).mkdir(mode=0o700, exist_ok=True)
                file = stack.enter_context((self.folder / TURNS_FOLDER / name).open("w"))
            except OSError:
                file = None  # a full disk is told of where the version's files would go
            while file is not None and is_wanted():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(TURN_SECONDS)
            yield

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
        if self.holds(reference) and self.lacks_files(reference):
            self._remove(place)
        try:
            folder.rename(place)
        except OSError:
            if not place.is_dir():
                raise

    def discard(self, reference: Reference) -> None:
        """Remove a version's files."""
        self._remove(self.path(reference))

    def models(self) -> tuple[str, ...]:
        """The models that have a folder here."""
        found = (place.name for place in self.folder.iterdir() if MODEL_NAME.fullmatch(place.name))
        return tuple(sorted(found))

    def pointer(self, name: str) -> Pointer | None:
        """What served last, for one model; None where nothing did, or what is there is no pointer.

        Raises:
            OSError: it cannot be read.
        """
        if MODEL_NAME.fullmatch(name) is None:
            return None
        try:
            content = (self.folder / name / POINTER_FILE).read_bytes()
            found = _PointerOfAnotherRelease.model_validate_json(content)
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None
        return Pointer(current=found.current, previous=found.previous) if found.current.name == name else None

    def point(self, pointer: Pointer) -> None:
        """Say which version serves, then remove the versions that no pointer names.

        A pointer that this release did not write is kept aside, and what it may name with it.

        Raises:
            OSError: it cannot be written, or the one before cannot be read.
        """
        place = self.folder / pointer.current.name
        place.mkdir(mode=0o700, exist_ok=True)
        self._keep_aside(place / POINTER_FILE)
        self.write(place / POINTER_FILE, pointer)
        # Another process may have pointed elsewhere since.
        latest = self.pointer(pointer.current.name)
        if latest is None or _is_kept_aside(place):
            return
        named = (pointer.current, pointer.previous, latest.current, latest.previous)
        kept = {self.path(reference) for reference in named if reference is not None}
        for other in place.iterdir():
            if other.is_dir() and other not in kept:
                self._remove(other)

    def write(self, file: Path, content: Contract) -> None:
        """Put a small file into its place as a whole."""
        with self.work_folder() as folder:
            new = folder / file.name
            with new.open("wb") as stream:
                stream.write(content.model_dump_json().encode())
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)

    def drop(self, name: str) -> None:
        """Remove all files of a model."""
        (self.folder / name / POINTER_FILE).unlink(missing_ok=True)
        self._remove(self.folder / name)

    def _keep_aside(self, file: Path) -> None:
        try:
            Pointer.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return
        except ValidationError:
            file.rename(file.with_name(f"{_ASIDE}{secrets.token_hex(4)}"))

    def _remove(self, folder: Path) -> None:
        """Remove a folder without ever leaving half of it in its place."""
        grave = self._work / f"removed-{secrets.token_hex(8)}"
        try:
            self._work.mkdir(mode=0o700, exist_ok=True)
            folder.rename(grave)
        except FileNotFoundError:
            return
        shutil.rmtree(grave, ignore_errors=True)


def _is_kept_aside(place: Path) -> bool:
    return any(file.name.startswith(_ASIDE) for file in place.iterdir())


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
