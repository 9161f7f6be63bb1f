"""The signals that end `up`: the first is raised, later ones find it stopping already."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM, or the terminal was closed. Like KeyboardInterrupt, no `except Exception` may catch it."""

    def __init__(self, number: int) -> None:
        self.signal = number
        super().__init__(number)


class Interruptions:
    """A context in which the first of these signals raises Interrupted."""

    def __init__(self) -> None:
        self._stopping = False

    def __enter__(self) -> Self:
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup's wish stands
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hold()

    def hold(self) -> None:
        """Raise nothing any more, since the stop is under way."""
        self._stopping = True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self._stopping:
            self._stopping = True
            raise Interrupted(number)
        with suppress(OSError):
            os.write(sys.stderr.fileno(), b"still stopping, a moment please\n")
