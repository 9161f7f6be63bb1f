"""Commands that are stopped: by Ctrl-C, or by a supervisor."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mlyard_shared.errors import MlyardError


class Interrupted(MlyardError):
    """The user stopped a command; the sentence says what became of it."""


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that what a supervisor stops leaves no more behind than what a user stops."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
