"""Dates as microseconds since 1970 in UTC: of texts, and of every type of date and time that Arrow knows."""

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
_IN_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_BEFORE_MONTH = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int64)
_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def holds_dates(kind: Any) -> bool:
    """Whether an Arrow type is of dates, with or without a time."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def moments(values: Any, *, checked: bool = False) -> Parsed:
    """Microseconds as int64, `NULL` for null.

    Args:
        values: an Arrow array of texts, dates or timestamps.
        checked: every text is known to have the form of a date.
    """
    known = valid(values)
    if not pa.types.is_string(values.type):
        found = stored(values)
        return Parsed(found, faults_of(out_of_range=known & ((found < _FIRST) | (found > _LAST))))
    fits = known if checked else matches(values, grammar.PATTERN)
    found = np.full(len(values), NULL, dtype=np.int64)
    exists, inside = np.ones(len(values), dtype=bool), np.ones(len(values), dtype=bool)
    found[fits], exists[fits] = _Texts(values, fits).moments()
    inside[fits] = (found[fits] >= _FIRST) & (found[fits] <= _LAST)
    wrong = (known & ~fits) | ~exists
    return Parsed(found, faults_of(bad_date=wrong, out_of_range=~inside & ~wrong))


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
    """Texts that have the form of a date, as octets: what stands where is known from the form."""

    def __init__(self, values: Any, rows: Mask) -> None:
        offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
        data = values.buffers()[2]
        self._octets = np.zeros(1, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        self._starts = offsets[:-1][rows].astype(np.int64)
        self._lengths = np.diff(offsets)[rows]

    def moments(self) -> tuple[Integers, Mask]:
        """The microseconds, and whether each day exists."""
        everyone = np.arange(len(self._starts))
        year, month, day = (self._number(everyone, at, digits) for at, digits in ((0, 4), (5, 2), (8, 2)))
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        exists = (year > 0) & (day <= _IN_MONTH[month] + (leap & (month == 2)))
        before = year - 1
        days = before * 365 + before // 4 - before // 100 + before // 400 - 719_162
        days += _BEFORE_MONTH[month] + (leap & (month > 2)) + day - 1
        found = days * _DAY
        timed = np.flatnonzero(self._lengths > 10)
        if len(timed):
            found[timed] += self._clock(timed)
        return found, exists

    def _clock(self, rows: Array) -> Integers:
        """The time of day of the texts that have one, less their offset."""
        found = (self._number(rows, 11, 2) * 60 + self._number(rows, 14, 2)) * 60_000_000
        ends = np.full(len(rows), 16, dtype=np.int64)
        seconds = np.flatnonzero(self._at(rows, ends) == ord(":"))
        found[seconds] += self._number(rows[seconds], 17, 2) * 1_000_000
        ends[seconds] = 19
        fractions = np.flatnonzero(self._at(rows, ends) == ord("."))
        if len(fractions):
            found[fractions] += self._fraction(rows[fractions], ends, fractions)
        zoned = np.flatnonzero(self._lengths[rows] > ends)
        if len(zoned):
            found[zoned] -= self._offset(rows[zoned], ends[zoned])
        return found

    def _fraction(self, rows: Array, ends: Array, places: Array) -> Integers:
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
        ends[places] = at
        return found

    def _offset(self, rows: Array, ends: Array) -> Integers:
        """The offset from UTC, which is Z, or a sign, hours, and maybe minutes and seconds with or without colons."""
        sign = self._at(rows, ends)
        found = np.zeros(len(rows), dtype=np.int64)
        signed = np.flatnonzero(sign != ord("Z"))
        place = ends + 1
        for unit in (3_600_000_000, 60_000_000, 1_000_000):
            signed = signed[self._lengths[rows[signed]] > place[signed]]
            place[signed] += self._at(rows[signed], place[signed]) == ord(":")
            found[signed] += self._number(rows[signed], place[signed], 2) * unit
            place[signed] += 2
        return np.where(sign == ord("-"), -found, found)

    def _number(self, rows: Array, at: Any, digits: int) -> Integers:
        found = np.zeros(len(rows), dtype=np.int64)
        places = self._starts[rows] + at
        for place in range(digits):
            found = found * 10 + (self._octets[places + place].astype(np.int64) - ord("0"))
        return found

    def _at(self, rows: Array, at: Array) -> NDArray[np.uint8]:
        """The octet at a place of each text; 0 behind its end."""
        there = at < self._lengths[rows]
        places = np.where(there, self._starts[rows] + at, 0)
        return np.where(there, self._octets[places], 0).astype(np.uint8)
