"""A run of a column's cells, in which a value that comes again is stored once."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """Consecutive rows of a column.

    `start` is the first row, counted from 0. `values` is an Arrow array: one value a row, or where there are
    `positions`, the distinct ones, with the position of each row among them (-1: null).
    """

    start: int
    values: Any
    positions: Array | None = None

    @classmethod
    def of(cls, array: Any, start: int = 0) -> "Cells":
        """The cells of an Arrow array."""
        if not pa.types.is_dictionary(array.type):
            return cls(start, array)
        positions = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False)
        return cls(start, array.dictionary, positions)

    def __len__(self) -> int:
        return len(self.values) if self.positions is None else len(self.positions)

    @property
    def is_text(self) -> bool:
        """Whether the cells are texts, whose meaning is read by the grammar."""
        return bool(pa.types.is_string(self.values.type))

    @property
    def counts(self) -> Array:
        """How many rows have each of the values."""
        if self.positions is None:
            return valid(self.values).astype(np.int64)
        return np.bincount(self.positions[self.positions >= 0], minlength=len(self.values))

    def spread(self, found: Array, null: Any) -> Array:
        """What was found for each value, for each row; `null` where the row has none."""
        if self.positions is None:
            return found
        # The last item is that of position -1.
        return np.append(found, np.array([null], dtype=found.dtype))[self.positions]


class Parsed(NamedTuple):
    """The values of an Arrow array, and which of them break the grammar, by the code of their fault."""

    values: Array
    faults: tuple[tuple[str, Mask], ...] = ()


def matches(texts: Any, pattern: str) -> Mask:
    """Which texts match a pattern from their first character to the last; null does not."""
    found = pc.match_substring_regex(texts, rf"\A(?:{pattern})\z")
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)


def all_match(texts: Any, pattern: str) -> bool:
    """Whether every text that is not null matches a pattern from its first character to the last."""
    return bool(pc.all(pc.match_substring_regex(texts, rf"\A(?:{pattern})\z"), min_count=0).as_py())


def valid(values: Any) -> Mask:
    """Which values are not null."""
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def faults_of(**masks: Mask) -> tuple[tuple[str, Mask], ...]:
    """The faults that some value has."""
    return tuple((code, mask) for code, mask in masks.items() if mask.any())
