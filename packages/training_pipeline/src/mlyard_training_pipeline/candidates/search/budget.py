"""When a search has to end: no setting begins that would most likely end too late."""

import time
from collections.abc import Callable


class Budget:
    """The time that is left, by the clock that all processes share. The first setting of a candidate always runs."""

    def __init__(self, deadline: float | None, clock: Callable[[], float] = time.time) -> None:
        """Take the moment at which it ends, in seconds since 1970; None: it does not."""
        self._deadline, self._clock = deadline, clock
        self._longest = 0.0

    def took(self, seconds: float, share: float = 1.0) -> None:
        """Learn how long a setting took on a share of the rows."""
        self._longest = max(self._longest, seconds / share)

    def allows(self, shares: float = 1.0) -> bool:
        """Whether there is time for settings on so many times all rows, by the one that took longest."""
        return self._deadline is None or self._clock() + self._longest * shares <= self._deadline
