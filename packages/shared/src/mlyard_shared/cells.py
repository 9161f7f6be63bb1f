"""Typed cells, as requests have them: whole columns at a time where all is right, one by one to find what is wrong."""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlyard_shared.columns import dates
from mlyard_shared.columns.grammar import MAX_NUMBER, ColumnType, Fault, Grammar
from mlyard_shared.schema import Column

Array = NDArray[Any]


class DoesNotFit(Exception):
    """Some value of a column breaks the grammar; `faults` finds which."""


class Numbers:
    """Columns of integers, numbers and booleans, whose values are read and checked as one block.

    Their types are known to be right. What it does not take may still fit: `array` says so of a single column.
    """

    def __init__(self, columns: Sequence[Column], grammar: Grammar) -> None:
        """Read these columns by a grammar."""
        # From 2^53 on it cannot be told any more which integer a float64 was.
        integer = float(min(grammar.max_integer, 2**53 - 1))
        limits = [integer if column.type == "integer" else MAX_NUMBER for column in columns]
        self._limit = max(limits, default=MAX_NUMBER) if len(set(limits)) <= 1 else None
        self._limits = self._limit if self._limit is not None else np.array(limits).reshape(-1, 1)

    def by_column(self, columns: Iterable[Sequence[Any]], *, rows: int) -> Array:
        """Return the values of columns, float64 [columns, n] with NaN for None; raises `DoesNotFit`."""
        if rows == 1:
            return self._of_row([values[0] for values in columns])
        packed = b"".join([_packed(values) for values in columns])
        return self.checked(np.frombuffer(packed).reshape(-1, rows))

    def by_row(self, rows: Sequence[Sequence[Any]]) -> Array:
        """Return what `by_column` does of rows, each with a value for each column; raises `DoesNotFit`."""
        if len(rows) == 1:
            return self._of_row(rows[0])
        packed = b"".join([_packed(values) for values in rows])
        return self.checked(np.frombuffer(packed).reshape(len(rows), -1).T)

    def checked(self, block: Array) -> Array:
        """Return a block whose values lie within the limits or are NaN; raises `DoesNotFit`."""
        sizes = np.abs(block)
        # A comparison with NaN is false either way.
        if not (sizes <= self._limits).all() and (sizes > self._limits).any():
            raise DoesNotFit
        return block

    def _of_row(self, values: Sequence[Any]) -> Array:
        """A single row, whose few values Python compares in less time than NumPy takes to begin."""
        block = np.frombuffer(_packed(values)).reshape(-1, 1)
        if len(values) <= _FEW_OF_ROW and self._limit is not None:
            try:
                # NaN passes, or is looked at again.
                if max(map(abs, values), default=0) <= self._limit:
                    return block
            # There is a null.
            except TypeError:
                pass
        return self.checked(block)


def types_fit(column: Column, values: Iterable[Any]) -> bool:
    """Whether all values are of the column's type, or None where it may be."""
    types = set(map(type, values))
    if column.nullable:
        types.discard(_NONE)
    return types <= _TYPES[column.type]


def array(column: Column, values: Sequence[Any], grammar: Grammar) -> Array:
    """Return the column as `mlyard_shared.features` takes it, shape [n].

    Raises:
        DoesNotFit: some value does not fit.
    """
    if not types_fit(column, values):
        raise DoesNotFit
    return typed(column, values, grammar)


def typed(column: Column, values: Sequence[Any], grammar: Grammar) -> Array:
    """Return the column as `array` does, of values whose types are known to be right; raises `DoesNotFit`."""
    return _ARRAYS[column.type](column, values, grammar)


def faults(column: Column, values: Sequence[Any], grammar: Grammar) -> Iterator[tuple[int, Fault]]:
    """Yield the rows whose value does not fit, and why."""
    known: dict[str, Fault | None] = {}
    for row, value in enumerate(values):
        if type(value) is not str:
            found = fault(column, value, grammar)
        elif value in known:
            found = known[value]
        else:
            found = known[value] = fault(column, value, grammar)
        if found is not None:
            yield row, found


def fault(column: Column, value: Any, grammar: Grammar) -> Fault | None:
    """What is wrong with one value, if anything."""
    if value is None:
        return None if column.nullable else Fault("null", "null is not allowed here")
    if type(value) not in _TYPES[column.type]:
        return Fault("wrong_type", f"must be {_WANTED[column.type]}")
    return _FAULTS[column.type](column, value, grammar)


def _packed(values: Sequence[Any]) -> bytes:
    """The values as float64 in the machine's own order: several times as fast as NumPy's way from a list."""
    kind = f"{len(values)}d"
    try:
        return struct.pack(kind, *values)
    except struct.error:
        pass
    try:
        return struct.pack(kind, *[np.nan if value is None else value for value in values])
    except struct.error:
        # An integer beyond float64.
        raise DoesNotFit from None


def _numbers(_column: Column, values: Sequence[Any], _grammar: Grammar) -> Array:
    if len(values) < _FEW:
        # NaN is not between any two numbers.
        if all(value is None or -MAX_NUMBER <= value <= MAX_NUMBER for value in values):
            return np.frombuffer(_packed(values))
        raise DoesNotFit
    result: Array = np.frombuffer(_packed(values))
    if not (np.abs(result) <= MAX_NUMBER).all():
        missing = np.isnan(result)
        if missing.sum() != sum(value is None for value in values) or (np.abs(result[~missing]) > MAX_NUMBER).any():
            raise DoesNotFit
    return result


def _integers(column: Column, values: Sequence[Any], grammar: Grammar) -> Array:
    known = [value for value in values if value is not None]
    if known and (max(known) > grammar.max_integer or min(known) < -grammar.max_integer):
        raise DoesNotFit
    return _numbers(column, values, grammar)


def _categories(column: Column, values: Sequence[Any], grammar: Grammar) -> Array:
    distinct = set(values)
    distinct.discard(None)
    if any(_category_fault(column, value, grammar) for value in distinct):
        raise DoesNotFit
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _dates(_column: Column, values: Sequence[Any], grammar: Grammar) -> Array:
    distinct = set(values)
    distinct.discard(None)
    try:
        found = dates.all_microseconds(distinct, grammar.date).tolist()
    except (ValueError, OverflowError):
        raise DoesNotFit from None
    known: dict[Any, int] = dict(zip(distinct, found, strict=True))
    known[None] = _NAT
    return np.array([known[value] for value in values], dtype=np.int64).view("datetime64[us]")


def _number_fault(_column: Column, value: float, _grammar: Grammar) -> Fault | None:
    if value != value or value in (float("inf"), float("-inf")):
        return Fault("not_finite", "must be a finite number")
    if abs(value) > MAX_NUMBER:
        return Fault("out_of_range", f"must lie between -{MAX_NUMBER:.3g} and {MAX_NUMBER:.3g}")
    return None


def _integer_fault(_column: Column, value: int, grammar: Grammar) -> Fault | None:
    if abs(value) > grammar.max_integer:
        bound = "2^53" if grammar.max_integer == 2**53 else "2^53 - 1"
        return Fault("out_of_range", f"must lie between -({bound}) and {bound}")
    return None


def _category_fault(column: Column, value: str, grammar: Grammar) -> Fault | None:
    if column.unseen == "refuse" and value not in column.codes:
        return Fault("unseen_category", "must be one of the categories in the model's schema")
    return grammar.text_fault(value)


def _date_fault(_column: Column, value: str, grammar: Grammar) -> Fault | None:
    try:
        dates.microseconds(value, grammar.date)
    except OverflowError:
        return Fault("out_of_range", "must lie between the years 1 and 9999 in UTC")
    except ValueError:
        return Fault("bad_date", "must be an ISO 8601 date or date and time, as in 2026-03-31 or 2026-03-31T18:30:00Z")
    return None


def _no_fault(_column: Column, _value: bool, _grammar: Grammar) -> Fault | None:
    return None


_FEW = 8
"""So many values are faster looked at one by one."""
_FEW_OF_ROW = 64
_NAT = np.iinfo(np.int64).min
_NONE = type(None)
_TYPES: dict[ColumnType, set[type]] = {
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
    "category": {str},
    "datetime": {str},
}
_WANTED: dict[ColumnType, str] = {
    "integer": "an integer, written without a decimal point or an exponent",
    "number": "a number",
    "boolean": "true or false",
    "category": "a text",
    "datetime": "a text with an ISO 8601 date",
}
_ARRAYS: dict[ColumnType, Callable[[Column, Sequence[Any], Grammar], Array]] = {
    "integer": _integers,
    "number": _numbers,
    "boolean": _numbers,
    "category": _categories,
    "datetime": _dates,
}
_FAULTS: dict[ColumnType, Callable[[Column, Any, Grammar], Fault | None]] = {
    "integer": _integer_fault,
    "number": _number_fault,
    "boolean": _no_fault,
    "category": _category_fault,
    "datetime": _date_fault,
}
