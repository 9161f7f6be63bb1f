"""Where the quoted cells of a block of CSV text lie, checked strictly.

A quote opens a cell only where a cell begins, is doubled within it, and closes it only where the cell ends. Blanks may
stand around it. PyArrow asks for none of this, and a stray quote then swallows rows.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlyard_training_pipeline.data.sources.delimited.dialect import Dialect

Positions = NDArray[np.intp]


class Quotes(NamedTuple):
    """The quoted cells of a block: every quote in `marks`, where each cell opens and closes, and one that does not."""

    marks: Positions
    opens: Positions
    closes: Positions
    unclosed: int | None

    def inside(self, positions: Positions) -> NDArray[np.bool_]:
        """Whether each position, which is not that of a quote, lies within a quoted cell."""
        before: Positions = np.searchsorted(self.marks, positions)
        return np.asarray(before % 2 == 1)


class Stray(NamedTuple):
    """A quote where none may be: it would open a cell at `at`, or close the cell that `opened` there."""

    at: int
    opened: int | None


_NOWHERE = np.empty(0, np.intp)
NO_QUOTES = Quotes(_NOWHERE, _NOWHERE, _NOWHERE, None)


def find_quotes(octets: NDArray[np.uint8], dialect: Dialect) -> Quotes | Stray:
    """Find the quoted cells of a text that begins with a row and has a quote, or its first stray quote."""
    marks = np.flatnonzero(octets == dialect.quote[0])
    opens, closes = marks[0::2], marks[1::2]
    # Each doubled quote is one that closes and one that opens again, side by side.
    doubled = closes[: len(opens) - 1] + 1 == opens[1:]
    if doubled.any():
        opens = opens[np.concatenate([[True], ~doubled])]
        closes = closes[np.concatenate([~doubled, np.ones(len(closes) - len(doubled), dtype=bool)])]
    stray = _stray(octets, opens, closes, dialect)
    if stray is not None:
        return stray
    unclosed = int(opens[-1]) if len(opens) > len(closes) else None
    return Quotes(marks, opens[: len(closes)], closes, unclosed)


def _stray(octets: NDArray[np.uint8], opens: Positions, closes: Positions, dialect: Dialect) -> Stray | None:
    left, right = _beside(octets, opens, dialect, step=-1), _beside(octets, closes, dialect, step=1)
    borders = _table(dialect.separator + b"\r\n")
    amid = opens[~borders[octets.take(left, mode="clip")] & (left >= 0)]
    # What follows the last quote of a text is not known yet.
    early = np.flatnonzero(~borders[octets.take(right, mode="clip")] & (right < len(octets)))
    if len(early) and not (len(amid) and amid[0] < closes[early[0]]):
        return Stray(int(closes[early[0]]), int(opens[early[0]]))
    return Stray(int(amid[0]), None) if len(amid) else None


def _beside(octets: NDArray[np.uint8], positions: Positions, dialect: Dialect, *, step: int) -> Positions:
    """The nearest position on one side that is not a blank; -1 or the length where there is none."""
    blanks = _table(dialect.blanks)
    found = positions + step
    moving = np.flatnonzero(blanks[octets.take(found, mode="clip")])
    while len(moving):
        moving = moving[(found[moving] >= 0) & (found[moving] < len(octets))]
        moving = moving[blanks[octets[found[moving]]]]
        found[moving] += step
    return found


def _table(characters: bytes) -> NDArray[np.bool_]:
    """Of each of the 256 bytes, whether it is one of these."""
    table = np.zeros(256, dtype=bool)
    table[list(characters)] = True
    return table
