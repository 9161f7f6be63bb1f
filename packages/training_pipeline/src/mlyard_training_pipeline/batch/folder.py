"""Where a job keeps its snapshot and what it has written: beside its output, so that the next process finds it."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy
from mlyard_shared.spec import Sink
from mlyard_shared.storage import storage_fault
from pydantic import ValidationError

from mlyard_training_pipeline.batch.request import Job, ScoringError
from mlyard_training_pipeline.settings import Settings

_STATE = "job.json"


def place(sink: Sink, url: sqlalchemy.URL | None, settings: Settings) -> Path:
    """The folder of the jobs that write to a sink; `url` is that of its connection.

    It is on the disk of the output, where that has one: a server's database has none here, so that its jobs are kept in
    the state.
    """
    if sink.path is not None:
        output = Path(sink.path)
        return output.with_name(f".{output.name}.scoring") if sink.is_file else output / ".scoring"
    if url is not None and url.get_backend_name() == "sqlite" and url.database and Path(url.database).is_file():
        file = Path(url.database).resolve()
        return file.with_name(f".{file.name}.{hashlib.sha256(str(sink.table).encode()).hexdigest()[:12]}.scoring")
    name = hashlib.sha256(f"{sink.connection}.{sink.table}".encode()).hexdigest()[:16]
    return settings.state.absolute() / "scoring" / name


@contextmanager
def held(folder: Path, output: str) -> Iterator[None]:
    """Make the folder, and keep every other job out of it until the end; it stays where a job may go on.

    Raises:
        ScoringError: a job is under way there, or the folder cannot be written to.
    """
    made = not folder.parent.exists()
    while True:
        with written(folder):
            folder.mkdir(exist_ok=True, parents=True)
            opened = (folder / "lock").open("a")
        with opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ScoringError(f"another job is writing to {output}: wait for it, or stop it") from None
            # A job that ended meanwhile took the file away that was opened here.
            if not _is_there(folder / "lock", opened.fileno()):
                continue
            try:
                yield
            finally:
                if not (folder / _STATE).exists():
                    shutil.rmtree(folder, ignore_errors=True)
                    if made:
                        with suppress(OSError):  # something is in it
                            folder.parent.rmdir()
            return


@contextmanager
def written(place: Path) -> Iterator[None]:
    """Say what to do where files cannot be written.

    Raises:
        ScoringError: the place, the cause and the way out.
    """
    try:
        yield
    except OSError as error:
        fault = storage_fault(error, place)
        if fault is None:
            raise
        raise ScoringError(fault.sentence()) from error


def read(folder: Path) -> Job | None:
    """The job that a former process left; None where there is none whose snapshot was complete."""
    try:
        return Job.model_validate_json((folder / _STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def keep(folder: Path, job: Job) -> None:
    """Let the job begin: from now on it is carried on."""
    replace_whole(folder / _STATE, job.model_dump_json().encode())


def clear(folder: Path) -> None:
    """Take away what a job has left, but for the lock."""
    with suppress(FileNotFoundError):
        (folder / _STATE).unlink()  # first, since without it nothing else counts
    for entry in folder.iterdir():
        if entry.name != "lock":
            entry.unlink()


def replace_whole(file: Path, content: bytes) -> None:
    """Write a file as a whole, or leave what was there."""
    draft = file.with_name(f"{file.name}.draft")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


def _is_there(file: Path, opened: int) -> bool:
    try:
        return file.stat().st_ino == os.fstat(opened).st_ino
    except FileNotFoundError:
        return False
