"""Whose turn it is to load a model: one at a time, and none of them for longer than the others can wait."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CHECK_SECONDS = 0.5


@dataclass(eq=False)
class _Turn:
    overdue_at: float
    alone: bool


class Turns:
    """Turns at something costly, for threads."""

    def __init__(self, places: int = 1) -> None:
        """At most `places` are taken at the same time, but for those that are overdue."""
        self._places = places
        self._changed = threading.Condition()
        self._running: list[_Turn] = []
        self._waiting = 0
        self._first: set[str] = set()

    def expect(self, name: str) -> None:
        """Let nobody who has to be alone begin until `done` says that this one has had its turn."""
        with self._changed:
            self._first.add(name)

    def done(self, name: str) -> None:
        """Say that this one has had its turn, or needs none."""
        with self._changed:
            self._first.discard(name)
            self._changed.notify_all()

    @contextmanager
    def take(self, name: str, *, alone: bool = False, patience: float = math.inf) -> Iterator[None]:
        """Wait for a turn, and hold it for the block.

        Args:
            name: who takes it.
            alone: nothing else runs meanwhile, and all others go first.
            patience: the seconds after which others need not wait any longer for this one.
        """
        with self._changed:
            self._waiting += not alone
            if alone:
                self._first.discard(name)  # it goes last: who else has to be alone need not wait for it
            try:
                while not self._is_free(alone=alone):
                    self._changed.wait(CHECK_SECONDS)
            finally:
                self._waiting -= not alone
            turn = _Turn(time.monotonic() + patience, alone)
            self._running.append(turn)
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(turn)
                self._changed.notify_all()

    def _is_free(self, *, alone: bool) -> bool:
        if alone:
            return not self._running and not self._waiting and not self._first
        now = time.monotonic()
        in_time = [turn for turn in self._running if turn.overdue_at > now]
        return len(in_time) < self._places and not any(turn.alone for turn in in_time)
