"""Dates as microseconds since 1970 in UTC: of texts, and of every type of date and time that Arrow knows."""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from mlyard_shared.columns import dates as grammar
from numpy.typing import NDArray

from mlyard_training_pipeline.data.columns.cells import Array, Mask, Parsed, faults_of, matches, valid

Integers = NDArray[np.int64]
NULL = np.iinfo(np.int64).min
"""How null is stored: as NumPy's NaT."""

_FIRST = -62_135_596_800_000_000
_LAST = 253_402_300_799_999_999
"""The years 1 to 9999."""

_DAY = 86_400_000_000
_AT_ONCE = 1 << 14
"""So many texts fit into a processor's cache with what is computed of them."""

_IN_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def holds_dates(kind: Any) -> bool:
    """Whether an Arrow type is of dates, with or without a time."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def moments(values: Any, *, checked: bool = False) -> Parsed:
    """Microseconds as int64, `NULL` for null.

    Args:
        values: an Arrow array of texts, dates or timestamps.
        checked: every text is known to have the form of a date.
    """
    if not pa.types.is_string(values.type):
        found = stored(values)
        return Parsed(found, faults_of(out_of_range=valid(values) & ((found < _FIRST) | (found > _LAST))))
    known = valid(values)
    fits = known if checked else matches(values, grammar.PATTERN)
    found = np.full(len(values), NULL, dtype=np.int64)
    exists = np.ones(len(values), dtype=bool)
    for start in range(0, len(values), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        found[rows][fits[rows]], exists[rows][fits[rows]] = _Texts(values[rows], fits[rows]).moments()
    wrong = (known & ~fits) | ~exists
    outside = fits & exists & ((found < _FIRST) | (found > _LAST))
    return Parsed(found, faults_of(bad_date=wrong, out_of_range=outside))


def stored(values: Any) -> Integers:
    """The microseconds of typed dates, cut; what int64 does not hold becomes its last value, and never wraps."""
    kind = values.type
    unit = "ms" if pa.types.is_date64(kind) else getattr(kind, "unit", None)
    number = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    counts = values.view(number).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if unit == "ns":
        found = counts // 1000
    else:
        factor = _DAY if unit is None else _IN_MICROSECONDS[unit]
        limit = np.iinfo(np.int64).max // factor
        found = np.clip(counts, -limit, limit) * factor
    return np.where(valid(values), found, NULL)


class _Texts:
    """Texts that have the form of a date, from which follows what stands where.

    They are a matrix of octets [texts, places], which are 0 behind the end of a text.
    """

    def __init__(self, values: Any, rows: Mask) -> None:
        offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
        lengths = np.diff(offsets)[rows]
        width = int(lengths.max(initial=10))
        data = np.frombuffer(values.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
        padded = np.concatenate([data, np.zeros(width, np.uint8)])
        self._octets = np.lib.stride_tricks.sliding_window_view(padded, width)[offsets[:-1][rows] - offsets[0]]
        if (lengths != width).any():
            self._octets[np.arange(width) >= lengths[:, np.newaxis]] = 0
        self._lengths = lengths

    def moments(self) -> tuple[Integers, Mask]:
        """The microseconds, and whether each day exists."""
        month = (self._pair(0) * np.int32(100) + self._pair(2)) * 12 + self._pair(5) - 1
        day = self._pair(8)
        first, days = _months()
        exists = day <= days[month]
        found = (first[month] + day - 1).astype(np.int64) * _DAY
        if self._octets.shape[1] > 10:
            found += np.where(self._lengths > 10, self._clock(), 0)
        return found, exists

    def _clock(self) -> Integers:
        """The time of day, less its offset; of texts that have none whatever comes out."""
        seconds = (self._pair(11) * np.int32(60) + self._pair(14)) * 60
        ends = np.full(len(seconds), 16, dtype=np.int64)
        if self._octets.shape[1] > 16:
            has_seconds = self._octets[:, 16] == ord(":")
            seconds += np.where(has_seconds, self._pair(17), 0)
            ends += 3 * has_seconds
        found = seconds.astype(np.int64) * 1_000_000
        fractions = np.flatnonzero(self._at(np.arange(len(ends)), ends) == ord("."))
        if len(fractions):
            found[fractions] += self._fraction(fractions, ends)
        zoned = np.flatnonzero(self._lengths > ends)
        if len(zoned):
            found[zoned] -= self._offset(zoned, ends[zoned])
        return found

    def _fraction(self, rows: Array, ends: Array) -> Integers:
        """Microseconds after the point, of up to nine digits; `ends` is moved behind them."""
        found, weight = np.zeros(len(rows), dtype=np.int64), 100_000
        more = np.ones(len(rows), dtype=bool)
        at = np.full(len(rows), 20, dtype=np.int64)
        for _ in range(9):
            digits = self._at(rows, at).astype(np.int64) - ord("0")
            more &= (digits >= 0) & (digits <= 9)
            found += np.where(more, digits * weight, 0)
            at += more
            weight //= 10
        ends[rows] = at
        return found

    def _offset(self, rows: Array, ends: Array) -> Integers:
        """The offset from UTC, which is Z, or a sign, hours, and maybe minutes and seconds with or without colons."""
        sign = self._at(rows, ends)
        found = np.zeros(len(rows), dtype=np.int64)
        place, signed = ends + 1, sign != ord("Z")
        for unit in (3_600_000_000, 60_000_000, 1_000_000):
            signed &= self._lengths[rows] > place
            if not signed.any():
                break
            place += self._at(rows, place) == ord(":")
            tens, ones = (self._at(rows, place + digit).astype(np.int64) - ord("0") for digit in (0, 1))
            found += np.where(signed, (tens * 10 + ones) * unit, 0)
            place += 2
        return np.where(sign == ord("-"), -found, found)

    def _pair(self, at: int) -> NDArray[np.uint8]:
        """The number of two digits that stands at a place of every text; what comes out where none does is no use."""
        if at + 1 >= self._octets.shape[1]:
            return np.zeros(len(self._octets), dtype=np.uint8)
        zero = np.uint8(ord("0"))
        found: NDArray[np.uint8] = (self._octets[:, at] - zero) * np.uint8(10) + (self._octets[:, at + 1] - zero)
        return found

    def _at(self, rows: Array, at: Array) -> NDArray[np.uint8]:
        """The octet at a place of each of some texts; 0 behind its end."""
        width = self._octets.shape[1]
        found: NDArray[np.uint8] = np.where(at < width, self._octets[rows, np.minimum(at, width - 1)], 0)
        return found


@cache
def _months() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first day of each month since January of the year 0, as days since 1970, and how many days it has.

    The year 0, which no calendar has, has months without days.
    """
    first = np.arange(-1970 * 12, 8030 * 12 + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)
    days = np.diff(first)
    days[:12] = 0
    return first[:-1], days
