"""What the cells of a column mean: its type by inference, and its values as `mlyard_shared.features` takes them."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.errors import TableError
from mlyard_shared.schema import ColumnType
from numpy.typing import NDArray

Array = NDArray[Any]
LARGEST_INTEGER = 2**53
"""From it on a float64, which is what models see, no longer holds every integer."""

MOSTLY = 0.8
"""From this share on, a text column counts as numbers or dates with mistakes in it, not as text."""


class _Pattern(NamedTuple):
    type: ColumnType
    regex: str
    meaning: str


_INTEGER = r"^[+-]?(0|[1-9]\d*)$"
_NUMBER = r"^[+-]?(0|[1-9]\d*|\.\d+)(\.\d*)?([eE][+-]?\d+)?$"
_ANY_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_BOOLEAN = r"^([Tt]rue|[Ff]alse|TRUE|FALSE)$"
_DATE = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?$"
_PATTERNS = (
    _Pattern("boolean", _BOOLEAN, "true or false"),
    _Pattern("integer", _INTEGER, "an integer"),
    _Pattern("number", _NUMBER, "a number"),
    _Pattern("datetime", _DATE, "an ISO 8601 date"),
)


def infer_type(name: str, column: Any) -> ColumnType:
    """The type of a column: of its Arrow type, or of its texts.

    Raises:
        TableError: a few of its texts do not fit the rest, or its Arrow type is no value.
    """
    kind = column.type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "datetime"
    if not is_text(kind):
        raise TableError(f"column {name!r} holds {kind}, which no model takes: add it to features.leave_out")
    texts = column.drop_null()
    if len(texts) == 0:
        return "category"
    for pattern in _PATTERNS:
        fitting = pc.match_substring_regex(texts, pattern.regex)
        share = pc.mean(fitting).as_py()
        if share == 1.0:
            return pattern.type
        if share >= MOSTLY and pattern.type != "integer":
            _refuse_exception(name, column, pattern)
    return "category"


def _refuse_exception(name: str, column: Any, pattern: _Pattern) -> None:
    misfit = pc.fill_null(pc.invert(pc.match_substring_regex(column, pattern.regex)), False)
    row = pc.index(misfit, True).as_py()
    text = _shown(column[row].as_py())
    raise TableError(
        f"column {name!r}, row {row + 1}: {text} is not {pattern.meaning}, as most of the column is: correct it, add "
        f'it to source.missing, or say features.types.{name} = "category"'
    )


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def values(name: str, column: Any, kind: ColumnType) -> Array:
    """A column's values as an array of shape [n]: float64, object (str or None) or datetime64[us].

    Raises:
        TableError: the row that does not fit the type.
    """
    if kind == "category":
        return _texts(column)
    if kind == "datetime":
        return _dates(name, column)
    numbers = _booleans(name, column) if kind == "boolean" else _numbers(name, column)
    _refuse(name, np.isinf(numbers), "is infinite: correct it, or leave it empty")
    if kind == "integer":
        _refuse(name, (numbers % 1 != 0) & ~np.isnan(numbers), 'is no integer: correct it, or say "number"')
        too_large = np.abs(np.nan_to_num(numbers)) >= LARGEST_INTEGER
        way_out = "leave the column out, or call it a category"
        _refuse(name, too_large, f"is beyond 2^53, where numbers lose digits: {way_out}")
    return numbers


def text_of(column: Any) -> list[str | None]:
    """Each cell as text, the same whether it came from CSV or from a typed column."""
    if pa.types.is_boolean(column.type):
        return [None if value is None else str(value).lower() for value in column.to_pylist()]
    if is_text(column.type) or pa.types.is_integer(column.type):
        return list(pc.cast(column, pa.string()).to_pylist())
    return [value.isoformat() if isinstance(value, datetime) else _text(value) for value in column.to_pylist()]


def _text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    return str(value)


def _texts(column: Any) -> Array:
    result = np.empty(len(column), dtype=object)
    result[:] = text_of(column)
    return result


def _numbers(name: str, column: Any) -> Array:
    if not is_text(column.type):
        numbers = _convert(column, pa.float64())
    else:
        fits = pc.match_substring_regex(column, _ANY_NUMBER)
        misfits = np.asarray(pc.fill_null(pc.invert(fits), False).to_numpy(zero_copy_only=False), dtype=bool)
        _refuse(name, misfits, "is not a number: correct it, or add it to source.missing")
        numbers = _convert(pc.utf8_ltrim(column, characters="+"), pa.float64())
    if numbers is None:
        raise TableError(f"column {name!r} holds {column.type}, which is no number")
    return numbers


def _convert(column: Any, kind: Any) -> Array | None:
    try:
        return np.asarray(pc.cast(column, kind, safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowException:
        return None


def _booleans(name: str, column: Any) -> Array:
    known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
    texts = [None if text is None else text.lower() for text in text_of(column)]
    misfits = np.array([text is not None and text not in known for text in texts], dtype=bool)
    _refuse(name, misfits, "is neither true nor false")
    return np.array([np.nan if text is None else known[text] for text in texts], dtype=np.float64)


def _dates(name: str, column: Any) -> Array:
    if not is_text(column.type):
        if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
            raise TableError(f"column {name!r} holds {column.type}, which is no date")
        naive = pc.cast(column, pa.timestamp("us", tz=getattr(column.type, "tz", None)), safe=False)
        return np.asarray(pc.cast(naive, pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)).astype(
            "datetime64[us]"
        )
    result = np.full(len(column), np.datetime64("NaT", "us"), dtype="datetime64[us]")
    misfits = np.zeros(len(column), dtype=bool)
    for row, text in enumerate(column.to_pylist()):
        if text is not None:
            try:
                result[row] = parse_date(text)
            except ValueError:
                misfits[row] = True
    _refuse(name, misfits, "is not an ISO 8601 date, such as 2026-01-31 or 2026-01-31T12:00:00Z")
    return result


def parse_date(text: str) -> np.datetime64:
    """An ISO 8601 text as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment, "us")


def _refuse(name: str, misfits: Array, problem: str) -> None:
    if misfits.any():
        more = f" (and {misfits.sum() - 1} more rows)" if misfits.sum() > 1 else ""
        raise TableError(f"column {name!r}, row {int(np.argmax(misfits)) + 1}{more}: the value {problem}")


def missing(array: Array) -> Array:
    """Which values of a column are null."""
    if array.dtype == object:
        return np.array([value is None for value in array], dtype=bool)
    return np.isnat(array) if array.dtype.kind == "M" else np.isnan(array)


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
