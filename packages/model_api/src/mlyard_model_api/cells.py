"""The values of one column: whole columns at a time where all is right, one by one to find what is wrong."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, ColumnType

MAX_INTEGER = 2**53
"""Beyond it a float64, which models take, no longer tells two integers apart."""
MAX_NUMBER = float(np.finfo(np.float32).max)
"""Trees and ONNX twins compute in float32, where larger numbers are infinite."""

_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


class Fault(NamedTuple):
    """What is wrong with a value, and what would be right."""

    code: str
    message: str


class Unfit(Exception):
    """Some value of a column does not fit; `faults` finds which."""


def array(column: Column, values: list[Any]) -> Array:
    """Return the column as `mlyard_shared.features` takes it, shape [n].

    Raises:
        Unfit: some value does not fit.
    """
    types = set(map(type, values))
    allowed = _TYPES[column.type] | ({type(None)} if column.nullable else set())
    if not types <= allowed:
        raise Unfit
    return _ARRAYS[column.type](column, values)


def faults(column: Column, values: list[Any]) -> Iterator[tuple[int, Fault]]:
    """Yield the rows whose value does not fit, and why."""
    for row, value in enumerate(values):
        found = fault(column, value)
        if found is not None:
            yield row, found


def fault(column: Column, value: Any) -> Fault | None:
    """What is wrong with one value, if anything."""
    if value is None:
        return None if column.nullable else Fault("null", "null is not allowed here")
    if type(value) not in _TYPES[column.type]:
        return Fault("wrong_type", f"must be {_WANTED[column.type]}")
    return _FAULTS[column.type](column, value)


def _numbers(_column: Column, values: list[Any]) -> Array:
    try:
        result = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except OverflowError:
        raise Unfit from None
    missing = np.isnan(result)
    if missing.sum() != values.count(None) or not (np.abs(result[~missing]) <= MAX_NUMBER).all():
        raise Unfit
    return result


def _integers(column: Column, values: list[Any]) -> Array:
    known = [value for value in values if value is not None]
    if known and (max(known) > MAX_INTEGER or min(known) < -MAX_INTEGER):
        raise Unfit
    return _numbers(column, values)


def _categories(column: Column, values: list[Any]) -> Array:
    if any(_category_fault(column, value) for value in set(values) if value is not None):
        raise Unfit
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _dates(_column: Column, values: list[Any]) -> Array:
    try:
        dates = [None if value is None else _date(value) for value in values]
    except (ValueError, OverflowError):
        raise Unfit from None
    return np.array(dates, dtype="datetime64[us]")


def _number_fault(_column: Column, value: float) -> Fault | None:
    if value != value or value in (float("inf"), float("-inf")):
        return Fault("not_finite", "must be a finite number")
    if abs(value) > MAX_NUMBER:
        return Fault("out_of_range", f"must lie between -{MAX_NUMBER:.3g} and {MAX_NUMBER:.3g}")
    return None


def _integer_fault(_column: Column, value: int) -> Fault | None:
    if abs(value) > MAX_INTEGER:
        return Fault("out_of_range", "must lie between -2^53 and 2^53")
    return None


def _category_fault(column: Column, value: str) -> Fault | None:
    if column.unseen == "refuse" and value not in column.categories:
        return Fault("unseen_category", "must be one of the categories in the model's schema")
    # Engines take text as UTF-8 that ends at a NUL.
    if "\0" in value or not _encodes(value):
        return Fault("bad_text", "must be Unicode text without NUL characters and lone surrogates")
    return None


def _date_fault(_column: Column, value: str) -> Fault | None:
    try:
        _date(value)
    except OverflowError:
        return Fault("out_of_range", "must lie between the years 1 and 9999 in UTC")
    except ValueError:
        return Fault("bad_date", "must be an ISO 8601 date or date and time, as in 2026-03-31 or 2026-03-31T18:30:00Z")
    return None


def _no_fault(_column: Column, _value: bool) -> Fault | None:
    return None


def _date(text: str) -> datetime:
    """Read a date as UTC, without its offset. Raises ValueError, and OverflowError outside of the years 1 to 9999."""
    if _DATE.fullmatch(text) is None:
        raise ValueError
    date = datetime.fromisoformat(text)
    return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
_ARRAYS: dict[ColumnType, Callable[[Column, list[Any]], Array]] = {
    "integer": _integers,
    "number": _numbers,
    "boolean": _numbers,
    "category": _categories,
    "datetime": _dates,
}
_FAULTS: dict[ColumnType, Callable[[Column, Any], Fault | None]] = {
    "integer": _integer_fault,
    "number": _number_fault,
    "boolean": _no_fault,
    "category": _category_fault,
    "datetime": _date_fault,
}
