"""Which versions are being loaded, noted on disk before they are: who ends the process twice is not loaded again.

`<cache>/.marks/<model>/<version>-<digest>-<random>.json` is one load. Whoever loads holds a lock on the file, and takes
it away at the end: a file that nobody holds is of a load that ended its process.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlyard_shared.contract import Contract
from pydantic import ValidationError

from mlyard_model_api.serving.version import Reference

MARKS_FOLDER = ".marks"
DEATHS = 2
"""A version that ended the process this often is not loaded again."""

_SAME_LIMIT = 0.01


class Mark(Contract):
    """Under what a version was loaded: another release or another limit is worth another try."""

    release: str
    limit_bytes: int


class Loading:
    """A load that is under way."""

    def __init__(self, file: Path | None, descriptor: int | None) -> None:
        self._file = file
        self._descriptor = descriptor

    def clear(self) -> None:
        """Take the mark away."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Let the mark count as a death, be it of a process that tried the version in place of this one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._file = self._descriptor = None


class Marks:
    """The marks in one cache folder, by whom this process is told."""

    def __init__(self, cache: Path, *, release: str, limit_bytes: int) -> None:
        """Name the folder; nothing is read or written yet."""
        self.limit_bytes = limit_bytes
        self._folder = cache / MARKS_FOLDER
        self._mark = Mark(release=release, limit_bytes=limit_bytes)
        self._lock = threading.Lock()
        self._under_way: set[Loading] = set()
        self.is_stopped = False

    @contextmanager
    def loading(self, reference: Reference) -> Iterator[Loading]:
        """Mark a version as being loaded for as long as the block runs."""
        loading = self._write(reference)
        with self._lock:
            self._under_way.add(loading)
            if self.is_stopped:
                loading.clear()
        try:
            yield loading
        finally:
            with self._lock:
                loading.clear()
                self._under_way.discard(loading)

    def deaths(self, reference: Reference) -> int:
        """How often a load of the version ended its process, under this release and this limit."""
        files = _files(self._folder / reference.name, f"{_key(reference)}-")
        return sum(1 for file in files if self._is_death(file))

    def survived(self, reference: Reference) -> None:
        """Forget the deaths of a version that has been loaded."""
        for file in _files(self._folder / reference.name, f"{_key(reference)}-"):
            with suppress(FileNotFoundError, ValidationError):
                if _read_dead(file) is not None:
                    file.unlink()

    def stop(self) -> None:
        """Take all marks of this process away: it ends because it was asked to."""
        with self._lock:
            self.is_stopped = True
            for loading in self._under_way:
                loading.clear()

    def _write(self, reference: Reference) -> Loading:
        folder = self._folder / reference.name
        name = f"{_key(reference)}-{secrets.token_hex(6)}.json"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(folder / f".{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                # It is held before it has its name, so that nobody ever sees it without its holder.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                os.write(descriptor, self._mark.model_dump_json().encode())
                os.fsync(descriptor)
                (folder / f".{name}").rename(folder / name)
                _sync(folder)
            except OSError:
                os.close(descriptor)
                raise
        except OSError:
            # A full disk takes no model away: it is loaded without a mark.
            with suppress(OSError):
                (folder / f".{name}").unlink(missing_ok=True)
            return Loading(None, None)
        return Loading(folder / name, descriptor)

    def _is_death(self, file: Path) -> bool:
        """Whether a mark is of a load that ended its process under this release and this limit."""
        try:
            mark = _read_dead(file)
        except (FileNotFoundError, ValidationError):
            return False
        limit = self._mark.limit_bytes
        return (
            mark is not None
            and mark.release == self._mark.release
            and abs(mark.limit_bytes - limit) <= limit * _SAME_LIMIT
        )


def clear_marks(cache: Path, name: str) -> None:
    """Forget the deaths of all versions of a model."""
    for file in _files(cache / MARKS_FOLDER / name, ""):
        file.unlink(missing_ok=True)


def marked_models(cache: Path) -> tuple[str, ...]:
    """The models that have a mark, be it of a load or of a death."""
    return tuple(folder.name for folder in _files(cache / MARKS_FOLDER, "") if _files(folder, ""))


def _files(folder: Path, prefix: str) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.name.startswith(prefix)]
    except FileNotFoundError:
        return []


def _read_dead(file: Path) -> Mark | None:
    """A mark that nobody holds any more; None for one of a load that is under way."""
    with file.open("rb") as stream:
        try:
            # Shared, so that two who ask do not take each other for the holder.
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return Mark.model_validate_json(stream.read())


def _key(reference: Reference) -> str:
    return f"{reference.version}-{reference.digest[:12]}"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
