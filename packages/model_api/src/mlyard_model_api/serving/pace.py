"""How fast a version is, measured when it is loaded: where it answers, and how many rows of several requests at once.

A batch of a few rows is quicker computed in the event loop than handed to a thread and back, which takes as long as ten
rows of a linear model; what takes longer would let other requests wait. Whether several requests are answered faster
together depends on the model: most of a single row's time by scikit-learn is spent before the first number, while an
engine of compiled trees gains nothing.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from mlyard_shared.engines import Output
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest

from mlyard_model_api.errors import ModelFailed, NotComputable
from mlyard_model_api.serving.batches import Columns, part, sample

QUICK_SECONDS = 0.001
"""What takes no longer than this is answered in the event loop."""
MOST_SECONDS = 0.005
"""What takes longer than this there, several times in a row, is not answered there any more."""
SLOW_ANSWERS = 3
"""So many in a row."""
QUICK_ANSWERS = 32
"""After so many quick answers in a row in a thread, as many rows are answered in the event loop again."""
SLOW_SECONDS = 0.02
"""A batch of several requests takes no longer than this, unless one row does."""
MEASURED_SECONDS = 0.03
"""How long is measured for each number of rows."""
SIZES = (1, 8, 64, 256, 1024)
WORTH = 0.8
"""Together, a row has to take no more than this share of its time alone."""
_TREES = re.compile(r"sklearn\.(tree|ensemble)\.[A-Za-z]*(Tree|Trees|Forest|Boosting)(Classifier|Regressor)")
Clock = Callable[[], float]
CLOCK, QUICK_CLOCK = time.thread_time, time.perf_counter
"""The processor's time of this thread, which the kernel has to be asked for, and the time of day."""


class _Streak(NamedTuple):
    """Answers in a row, and the most rows of one of them."""

    answers: int = 0
    rows: int = 0

    def and_(self, rows: int) -> "_Streak":
        return _Streak(self.answers + 1, max(self.rows, rows))


@dataclass
class Pace:
    """What was measured.

    `quick_rows` rows at most are answered in the event loop; requests that wait are answered together up to
    `joined_rows` rows, 1 where each is answered alone. Several threads may share it.
    """

    quick_rows: int = 0
    joined_rows: int = 1
    clock: Clock = field(default=QUICK_CLOCK, init=False, repr=False, compare=False)
    """What an answer is measured with: quickly, and by the processor's time after one that took long."""
    _measured: int = field(init=False, repr=False)
    _slow: _Streak = field(default_factory=_Streak, init=False, repr=False, compare=False)
    _quick: _Streak = field(default_factory=_Streak, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep what was measured: no answer in a thread leads to more than that."""
        self._measured = self.quick_rows

    def note(self, rows: int, seconds: float, clock: Clock) -> None:
        """Take note of the time for an answer, in the event loop or, for more rows, in a thread.

        Several slow ones in the event loop get a thread, and many quick ones in a thread come back, by the processor's
        time. One alone says nothing: while it is computed, Python may look for garbage.

        Args:
            rows: what was answered.
            seconds: how long it took.
            clock: what that was measured with, which was this pace's.
        """
        if clock is QUICK_CLOCK:
            if seconds > MOST_SECONDS and rows <= self.quick_rows:
                self.clock, self._slow = CLOCK, _Streak(0, rows)
            return
        if rows <= self.quick_rows:
            if seconds > MOST_SECONDS:
                self._slow = self._slow.and_(rows)
                if self._slow.answers >= SLOW_ANSWERS:
                    self.quick_rows = self._slow.rows // 2
                    self._slow = self._quick = _Streak()
            elif rows >= self._slow.rows // 2:
                self._slow = _Streak()
                if self.quick_rows == self._measured:
                    self.clock = QUICK_CLOCK
        elif self.quick_rows < self._measured:
            # Together, more may have been answered than the event loop ever took.
            is_quick = seconds <= QUICK_SECONDS * max(1, rows / self._measured)
            self._quick = self._quick.and_(rows) if is_quick else _Streak()
            if self._quick.answers >= QUICK_ANSWERS:
                self.quick_rows = min(self._quick.rows, self._measured)
                self._slow = self._quick = _Streak()


def measure(predict: Callable[[Columns], Output], manifest: Manifest, example: Columns, *, is_twin: bool) -> Pace:
    """Measure a version.

    Args:
        predict: answers for columns.
        manifest: the version's.
        example: its input example.
        is_twin: whether its twin answers, in this process; scikit-learn runs in one of its own.
    """
    rows = sample(manifest, example, SIZES[-1])
    try:
        predict(rows)
    except (ModelFailed, NotComputable):
        rows = {name: np.repeat(values, SIZES[-1]) for name, values in example.items()}
    # What else the machine does takes nothing from the processor's own time, which a process of its own has apart.
    taken = _times(predict, rows, clock=time.thread_time if is_twin else time.perf_counter)
    alone = taken[1]
    quick = [size for size, seconds in taken.items() if seconds <= QUICK_SECONDS]
    most = max(SLOW_SECONDS, 4 * alone)
    worth = [size for size, seconds in taken.items() if size > 1 and seconds <= min(most, WORTH * size * alone)]
    joined = max(worth, default=1)
    if joined > 1 and not (is_twin or (_adds_row_by_row(manifest) and _same(predict, rows))):
        joined = 1
    return Pace(max(quick, default=0) if is_twin else 0, joined)


def _times(predict: Callable[[Columns], Output], rows: Columns, *, clock: Callable[[], float]) -> dict[int, float]:
    """The best time for each number of rows; larger ones are not tried where smaller ones took long."""
    found: dict[int, float] = {}
    for size in SIZES:
        given = part(rows, 0, size)
        best, spent, tries = float("inf"), 0.0, 0
        while tries < 2 or (spent < MEASURED_SECONDS and tries < 10):
            started = clock()
            predict(given)
            taken = clock() - started
            best, spent, tries = min(best, taken), spent + taken, tries + 1
        found[size] = best
        if best > max(SLOW_SECONDS, 4 * found[1]):
            break
    return found


def _adds_row_by_row(manifest: Manifest) -> bool:
    """Whether scikit-learn adds up the numbers of a row in one order, however many rows there are beside it.

    Trees do. Products of matrices do not, and may give one row in a hundred another last digit.
    """
    return _TREES.fullmatch(manifest.estimator) is not None


def _same(predict: Callable[[Columns], Output], rows: Columns) -> bool:
    """Whether a row's answer is the same to the last bit alone and in a batch.

    What stands before the trees may have added up in another order. In a twin that stays within its parity;
    scikit-learn's answer has to be its own.
    """
    several = part(rows, 0, 5)
    together = predict(several)
    for row in range(5):
        alone = predict(part(several, row, row + 1))
        expected = together.part(row, row + 1)
        if not np.array_equal(alone.predictions, expected.predictions):
            return False
        if not np.array_equal(_numbers(alone), _numbers(expected)):
            return False
    return True


def _numbers(output: Output) -> Array:
    return output.predictions if output.probabilities is None else output.probabilities
