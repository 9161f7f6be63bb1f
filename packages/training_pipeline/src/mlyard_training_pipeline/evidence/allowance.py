"""The time that evidence may take: what is known to take longer is not begun, and it is told what was left out."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LEAST = 5.0
SHARE = 0.1
"""Of the training, in seconds, where that is more than the least."""
_USABLE = 0.9
"""The rest is for what takes longer than expected, and for handing over."""


class Allowance:
    """The time that is left, from now on; `left_out` are sentences on what there was no time for, or what failed."""

    def __init__(self, trained: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            trained: how long the training took, in seconds.
            clock: tells seconds.
        """
        self._clock, self._begun = clock, clock()
        self.seconds = _USABLE * max(LEAST, SHARE * trained)
        self.left_out: list[str] = []

    @contextmanager
    def up_to(self, share: float) -> Iterator[None]:
        """Allow what is done meanwhile no more than a share of all the time."""
        every, self.seconds = self.seconds, self.seconds * share
        try:
            yield
        finally:
            self.seconds = every

    @property
    def spent(self) -> float:
        """Seconds that have gone by."""
        return self._clock() - self._begun

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - self.spent

    def allows(self, expected: float, what: str) -> bool:
        """Whether there is time for something that takes so many seconds; where there is none, it is left out."""
        if expected < self.left:
            return True
        self.left_out.append(f"no time for {what}")
        return False
