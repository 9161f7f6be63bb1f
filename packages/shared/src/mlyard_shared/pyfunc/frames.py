"""The cells of a pandas DataFrame, read by the one grammar: as `mlyard_shared.features` takes them.

A DataFrame has fewer types than a table: integers with gaps are floats in it, a CSV's dates are texts, a column of
codes may have become numbers. What such a cell was in the table can be told, since the column's own type is known.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np

from mlyard_shared import cells
from mlyard_shared.columns import ColumnType, Grammar, canonical, texts
from mlyard_shared.errors import TableError
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, Schema

_TOLD = 5
"""So many problems are told at once."""


def columns(frame: Any, schema: Schema, grammar: Grammar) -> dict[str, Array]:
    """Read the columns of a schema; one that may have nulls may also be missing as a whole.

    Raises:
        TableError: a column is missing, or cells break the grammar.
    """
    found: dict[str, Array] = {}
    problems: list[str] = []
    for column in schema.columns:
        if column.name not in frame.columns and not column.nullable:
            problems.append(f"column {column.name!r} is missing")
            continue
        series = frame[column.name] if column.name in frame.columns else None
        if series is not None and series.dtype.kind == "M" and column.type == "datetime":
            found[column.name] = _moments(series)
            if not column.nullable:
                problems += islice(_nulls(column, found[column.name]), _TOLD)
            continue
        values = [None] * len(frame) if series is None else _values(series, column.type)
        try:
            found[column.name] = cells.array(column, values, grammar)
        except cells.DoesNotFit:
            problems += islice(_problems(column, values, grammar), _TOLD)
    if problems:
        raise TableError("; ".join(problems[:_TOLD]))
    return found


def _problems(column: Column, values: list[Any], grammar: Grammar) -> Iterator[str]:
    for row, fault in cells.faults(column, values, grammar):
        yield f"column {column.name!r}, row {row + 1}: {fault.message}"


def _nulls(column: Column, moments: Array) -> Iterator[str]:
    for row in np.flatnonzero(np.isnat(moments)):
        yield f"column {column.name!r}, row {row + 1}: null is not allowed here"


def _moments(series: Any) -> Array:
    """Moments in UTC, cut to microseconds."""
    if series.dt.tz is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    found: Array = series.to_numpy().astype("datetime64[us]")
    return found


def _values(series: Any, kind: ColumnType) -> list[Any]:
    read = _READERS[kind]
    return [
        None if is_missing else read(value)
        for value, is_missing in zip(series.tolist(), series.isna().tolist(), strict=True)
    ]


def _text(value: Any) -> Any:
    """A category or a date, by the canonical text of a typed value."""
    return value if isinstance(value, str) else canonical.typed_text(_plain(value))


def _integer(value: Any) -> Any:
    value = _read(_plain(value), "integer")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: Any) -> Any:
    return _read(_plain(value), "number")


def _boolean(value: Any) -> Any:
    value = _read(_plain(value), "boolean")
    return bool(value) if type(value) in (int, float) and value in (0, 1) else value


def _plain(value: Any) -> Any:
    """A value of Python's own types."""
    if isinstance(value, np.generic):
        return value.item()
    return float(value) if isinstance(value, Decimal) else value


def _read(value: Any, kind: ColumnType) -> Any:
    """A text as the value that it has in a CSV file; it stays what it is where it has none."""
    if isinstance(value, str):
        with suppress(ValueError, OverflowError):
            return texts.value(value, kind)
    return value


_READERS: dict[ColumnType, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "category": _text,
    "datetime": _text,
}
