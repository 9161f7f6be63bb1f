"""Typed cells, as requests have them: whole columns at a time where all is right, one by one to find what is wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlyard_shared.columns import dates
from mlyard_shared.columns.grammar import MAX_NUMBER, ColumnType, Fault, Grammar
from mlyard_shared.schema import Column

Array = NDArray[Any]


class DoesNotFit(Exception):
    """Some value of a column breaks the grammar; `faults` finds which."""


def array(column: Column, values: list[Any], grammar: Grammar) -> Array:
    """Return the column as `mlyard_shared.features` takes it, shape [n].

    Raises:
        DoesNotFit: some value does not fit.
    """
    types = set(map(type, values))
    allowed = _TYPES[column.type] | ({type(None)} if column.nullable else set())
    if not types <= allowed:
        raise DoesNotFit
    return _ARRAYS[column.type](column, values, grammar)


def faults(column: Column, values: list[Any], grammar: Grammar) -> Iterator[tuple[int, Fault]]:
    """Yield the rows whose value does not fit, and why."""
    for row, value in enumerate(values):
        found = fault(column, value, grammar)
        if found is not None:
            yield row, found


def fault(column: Column, value: Any, grammar: Grammar) -> Fault | None:
    """What is wrong with one value, if anything."""
    if value is None:
        return None if column.nullable else Fault("null", "null is not allowed here")
    if type(value) not in _TYPES[column.type]:
        return Fault("wrong_type", f"must be {_WANTED[column.type]}")
    return _FAULTS[column.type](column, value, grammar)


def _numbers(_column: Column, values: list[Any], _grammar: Grammar) -> Array:
    try:
        result = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except OverflowError:
        raise DoesNotFit from None
    missing = np.isnan(result)
    if missing.sum() != values.count(None) or not (np.abs(result[~missing]) <= MAX_NUMBER).all():
        raise DoesNotFit
    return result


def _integers(column: Column, values: list[Any], grammar: Grammar) -> Array:
    known = [value for value in values if value is not None]
    if known and (max(known) > grammar.max_integer or min(known) < -grammar.max_integer):
        raise DoesNotFit
    return _numbers(column, values, grammar)


def _categories(column: Column, values: list[Any], grammar: Grammar) -> Array:
    if any(_category_fault(column, value, grammar) for value in set(values) if value is not None):
        raise DoesNotFit
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _dates(_column: Column, values: list[Any], grammar: Grammar) -> Array:
    try:
        found = [None if value is None else dates.moment(value, grammar.date) for value in values]
    except (ValueError, OverflowError):
        raise DoesNotFit from None
    return np.array(found, dtype="datetime64[us]")


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
        dates.moment(value, grammar.date)
    except OverflowError:
        return Fault("out_of_range", "must lie between the years 1 and 9999 in UTC")
    except ValueError:
        return Fault("bad_date", "must be an ISO 8601 date or date and time, as in 2026-03-31 or 2026-03-31T18:30:00Z")
    return None


def _no_fault(_column: Column, _value: bool, _grammar: Grammar) -> Fault | None:
    return None


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
_ARRAYS: dict[ColumnType, Callable[[Column, list[Any], Grammar], Array]] = {
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
