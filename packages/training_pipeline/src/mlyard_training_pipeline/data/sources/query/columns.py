"""The values of a result's column as an Arrow array: of the type that the database names, or of their own."""

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
from mlyard_shared.errors import TableError

_EXACT = 2**53
"""From it on a float64 does not hold every integer."""

Values = Sequence[Any]

_NUMBERS = {bool, int, float, Decimal}
_TEXTS = {str, UUID}
_MOMENTS = {date, datetime}
_BYTES = {bytes, bytearray, memoryview}
_DOCUMENTS = {dict, list}
_LOOSE = (pa.ArrowException, TypeError, ValueError, OverflowError, ArithmeticError)
"""What PyArrow and Python raise for values that do not fit a type."""


def typed(name: str, values: Values, kind: Any, *, first: int) -> Any:
    """Values as the type that the database names.

    Args:
        name: of the column.
        values: as the driver gives them.
        kind: the Arrow type.
        first: the row of the first value, counted from 1.

    Raises:
        TableError: the row whose value the type does not hold.
    """
    try:
        return _array(values, kind)
    except _LOOSE:
        for row, value in enumerate(values, start=first):
            _check(name, value, kind, row)
        raise TableError(f"column {name!r} holds values that are not {kind}: CAST it in the query") from None


def inferred(name: str, values: Values, *, first: int) -> Any:
    """Values as their own type, for a database that does not name it; for its arguments and errors see `typed`.

    Texts amid numbers or dates make a column of texts, as in a CSV file.
    """
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pa.nulls(len(values))
    if kinds <= _NUMBERS:
        return typed(name, values, _number_type(values, kinds), first=first)
    if kinds <= _MOMENTS:
        return typed(name, values, _moment_type(values, kinds), first=first)
    for group, kind in (
        (_BYTES | _DOCUMENTS, pa.binary()),
        ({timedelta}, pa.duration("us")),
        ({time}, pa.time64("us")),
    ):
        if kinds <= group:
            return typed(name, values, kind, first=first)
    if kinds <= _TEXTS | _NUMBERS | _MOMENTS:
        return typed(name, values, pa.string(), first=first)
    other = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TableError(f"column {name!r} holds {other}, which is not read: CAST it in the query, or take it out")


def _array(values: Values, kind: Any) -> Any:
    convert = next((convert for check, convert in _CONVERSIONS if check(kind)), None)
    # Most values are what PyArrow takes, and looking at their types is cheap.
    if convert is not None and not set(map(type, values)) <= {_TAKEN.get(kind), type(None)}:
        values = [None if value is None else convert(value) for value in values]
    return pa.array(values, kind)


def _check(name: str, value: Any, kind: Any, row: int) -> None:
    try:
        _array([value], kind)
    except _LOOSE:
        shown = str(value)
        shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            problem = "is not a date of the years 1 to 9999: make it NULL in the query"
        elif pa.types.is_float64(kind) or pa.types.is_integer(kind):
            problem = "is beyond 2^53, where numbers lose digits: CAST it to text in the query"
        else:
            problem = f"is not {kind}: CAST it in the query"
        raise TableError(f"column {name!r}, row {row}: {shown} {problem}") from None


def _number_type(values: Values, kinds: set[type]) -> Any:
    if kinds == {bool}:
        return pa.bool_()
    if float in kinds or any(isinstance(value, Decimal) and not value.is_finite() for value in values):
        return pa.float64()
    if Decimal not in kinds and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.int64()
    kind = pa.array([None if value is None else Decimal(value) for value in values]).type
    return kind if pa.types.is_decimal128(kind) else pa.float64()


def _moment_type(values: Values, kinds: set[type]) -> Any:
    if kinds == {date}:
        return pa.date32()
    aware = any(isinstance(value, datetime) and value.tzinfo is not None for value in values)
    return pa.timestamp("us", tz="UTC" if aware else None)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _octets(value: Any) -> bytes:
    return (
        bytes(value) if isinstance(value, bytes | bytearray | memoryview) else json.dumps(value, default=str).encode()
    )


def _float(value: Any) -> float:
    number = float(value)
    if math.isfinite(value) and abs(number) >= _EXACT and value == int(value) and number != value:
        raise OverflowError(value)
    return number


def _decimal(value: Any) -> Decimal | None:
    number = Decimal(value)
    return None if number.is_nan() else number


def _moment(value: Any) -> Any:
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if type(value) is date else value


_CONVERSIONS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_string, _text),
    (pa.types.is_binary, _octets),
    (pa.types.is_float64, _float),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_timestamp, _moment),
)
_TAKEN = {
    pa.string(): str,
    pa.binary(): bytes,
    pa.float64(): float,
    pa.timestamp("us"): datetime,
    pa.timestamp("us", tz="UTC"): datetime,
}
