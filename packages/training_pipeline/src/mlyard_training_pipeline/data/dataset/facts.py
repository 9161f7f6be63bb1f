"""What is learned of a column while it is read, so that it need not be read again for the schema."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from mlyard_shared.columns import ColumnType
from mlyard_shared.features import date_part
from mlyard_shared.schema import DatePart

from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.columns.categories import NULL as NO_CATEGORY
from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.columns.dates import NULL as NO_DATE

DEFAULT_PARTS: tuple[DatePart, ...] = ("year", "month", "day", "weekday", "hour")
_DIGITS = 7
"""So many significant digits a float32 keeps."""


@dataclass
class Facts:
    """The facts of a column: over all rows, and over those that are trained on.

    `counts` are the rows of each category, by its code, and `trained` those of them that are trained on. `rounded`
    says that values of the training lose digits as float32, `varying` which parts of a date differ from one training
    row to another.
    """

    type: ColumnType
    parts: Sequence[DatePart] = ()
    nulls: int = 0
    training: int = 0
    training_nulls: int = 0
    low: float | None = None
    high: float | None = None
    rounded: bool = False
    varying: set[DatePart] = field(default_factory=set)
    counts: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    trained: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _first: dict[DatePart, float] = field(default_factory=dict)

    @property
    def is_constant(self) -> bool:
        """Whether all values that are not null are the same."""
        return self.low == self.high

    def add(self, values: Array, training: Mask) -> Mask:
        """Take in the values of a run, and return which are null."""
        null = is_null(values)
        self.nulls += int(null.sum())
        self.training += int(training.sum())
        self.training_nulls += int((null & training).sum())
        known = values[~null]
        if len(known):
            low, high = known.min().item(), known.max().item()
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        self._learn(values[training & ~null])
        if self.type == "category":
            self.counts = _added(self.counts, known)
        return null

    def _learn(self, seen: Array) -> None:
        if self.type == "category":
            self.trained = _added(self.trained, seen)
        elif self.type == "datetime":
            self._learn_dates(seen.view("datetime64[us]"))
        elif self.type != "boolean":
            self.rounded = self.rounded or loses_digits(seen)

    def _learn_dates(self, seen: Array) -> None:
        if len(seen) == 0:
            return
        # Most parts are seen to vary in the first run; a year is the costly one to look at, and needs no look.
        years = [int(date_part(np.array([moment]), "year")[0]) for moment in (seen.min(), seen.max())]
        for part in DEFAULT_PARTS:
            if part in self.varying:
                continue
            found = np.array(years) if part == "year" else date_part(seen, part)
            first = self._first.setdefault(part, float(found[0]))
            if (found != first).any():
                self.varying.add(part)
        if "days_since_epoch" in self.parts:
            self.rounded = self.rounded or loses_digits(date_part(seen, "days_since_epoch"))


def _added(counts: Array, codes: Array) -> Array:
    """How often each code was seen, these included."""
    more = np.bincount(codes, minlength=len(counts))
    more[: len(counts)] += counts
    return more


def is_null(values: Array) -> Mask:
    """Which values of a stored column are null: NaN, a category of none, or not a date."""
    if values.dtype == np.float64:
        return np.isnan(values)
    found: Mask = values == (NO_DATE if values.dtype == np.int64 else NO_CATEGORY)
    return found


def loses_digits(values: Array) -> bool:
    """Whether a value has more digits than a float32 keeps: not 10.8, which both write alike, but 16777217."""
    if _are_short_decimals(values):
        return False
    with np.errstate(all="ignore"):
        values = values[values.astype(np.float32) != values]
        places = np.floor(np.log10(np.abs(values))) - (_DIGITS - 1)
        unit = 10.0 ** np.abs(places)
        short = np.where(places < 0, np.rint(values * unit) / unit, np.rint(values / unit) * unit)
    # Powers of ten beyond 1e22 are not exact, so that the last digit of float64 does not count.
    return bool((np.abs(short - values) > 1e-15 * np.abs(values)).any())


def _are_short_decimals(values: Array) -> bool:
    """Whether all values have the same few decimals and few digits, as in most columns: quicker than to count them."""
    size = max(abs(values.min(initial=0)), abs(values.max(initial=0)))
    for decimals in range(4):
        unit = 10.0**decimals
        if size * unit >= 10**_DIGITS:
            return False
        if (np.rint(values * unit) / unit == values).all():
            return True
    return False
