"""What PostgreSQL says of the columns of a result, and its dates that Python has no value for."""

from typing import Any

import pyarrow as pa

_DATES = (1082, 1114, 1184)
"""date, timestamp, timestamptz; all numbers here are those of the catalogue pg_type."""

_TYPES = {
    16: pa.bool_(),
    17: pa.binary(),
    18: pa.string(),  # "char"
    19: pa.string(),  # name
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    25: pa.string(),
    26: pa.int64(),  # oid
    114: pa.binary(),  # json, which no column may be: it is refused where it is not left out
    700: pa.float64(),
    701: pa.float64(),
    1042: pa.string(),  # char(n)
    1043: pa.string(),  # varchar
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
    1186: pa.duration("us"),
    2950: pa.string(),  # uuid
    3802: pa.binary(),  # jsonb
}
_NUMERIC = 1700
_DIGITS = 38
"""What a decimal128 holds."""


def column_types(description: Any) -> list[Any]:
    """The Arrow type of each column that a cursor describes, None for types that this module does not know.

    A numeric without a precision, as avg() and sum() give it, is float64.
    """
    return [_numeric(column) if column[1] == _NUMERIC else _TYPES.get(column[1]) for column in description]


def keep_strange_dates(connection: Any) -> None:
    """Let psycopg2 give dates as text that are infinite or outside of the years 1 to 9999.

    On its own it gives infinity as the last day of 9999, and fails at the others without saying which.
    """
    from psycopg2 import extensions

    for number, cast in zip(_DATES, (extensions.PYDATE, extensions.PYDATETIME, extensions.PYDATETIMETZ), strict=True):
        kind = extensions.new_type((number,), f"MLYARD_{number}", _or_text(cast))
        extensions.register_type(kind, connection)


def _or_text(cast: Any) -> Any:
    def read(text: str | None, cursor: Any) -> Any:
        if text is None or text.endswith("infinity"):
            return text
        try:
            return cast(text, cursor)
        except (ValueError, OverflowError):
            return text

    return read


def _numeric(column: Any) -> Any:
    precision, scale = column[4], column[5]
    if precision is None or precision > _DIGITS or not 0 <= scale <= precision:
        return pa.float64()
    return pa.decimal128(precision, scale)
