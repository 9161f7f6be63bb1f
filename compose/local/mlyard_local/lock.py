"""The lock of a state folder, which says whose it is."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

from mlyard_local.errors import AlreadyRunning, StateError
from mlyard_local.state import StateFolder

STOP_SECONDS = 20
"""How long another process's stop is waited for; a stop takes 15 at most."""


@dataclass(frozen=True)
class Holder:
    """Who holds a state folder: the `up` that shows it and the keeper that ends it."""

    viewer: int | None = None
    keeper: int | None = None
    stopping: bool = False

    @property
    def leaving(self) -> bool:
        """Whether the stack is about to end by itself."""
        return self.stopping or not (self.viewer and _exists(self.viewer))


@dataclass(frozen=True)
class Lock:
    """A locked file. The lock is shared with each process that inherits the descriptor and ends with the last one."""

    descriptor: int

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self.descriptor)

    def record(self, holder: Holder) -> None:
        """Write down who holds the lock."""
        text = json.dumps(asdict(holder)).encode()
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text, 0)


def lock(folder: StateFolder) -> Lock:
    """Take the folder for this process, after a stack that is just stopping if need be.

    Raises:
        AlreadyRunning: another `up` has it.
        StateError: the lock file cannot be written.
    """
    try:
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError.of(folder.lock, error) from error
    deadline = time.monotonic() + STOP_SECONDS
    while not _locked_now(descriptor):
        holder = read_holder(folder)
        if not holder.leaving or time.monotonic() > deadline:
            os.close(descriptor)
            raise AlreadyRunning(folder.path, holder.viewer)
        time.sleep(0.1)
    taken = Lock(descriptor)
    taken.record(Holder(viewer=os.getpid()))
    return taken


def is_held(folder: StateFolder) -> bool:
    """Return whether some process holds the folder now."""
    try:
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locked_now(descriptor, mode=fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def read_holder(folder: StateFolder) -> Holder:
    """Return who holds the folder. A record is written just after the lock is taken, so wait for it a moment."""
    for _ in range(20):
        try:
            return Holder(**json.loads(folder.lock.read_text()))
        except (OSError, ValueError, TypeError):
            time.sleep(0.05)
    return Holder()


def _locked_now(descriptor: int, *, mode: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
