"""Text cells, as CSV files have them: which type a text is of, and its value.

The patterns are in a syntax that Python's `re` and Arrow's RE2 both read; they cover a whole cell.
"""

import re
from datetime import datetime

from mlyard_shared.columns import dates
from mlyard_shared.columns.grammar import ColumnType

INTEGER = r"[+-]?(0|[1-9][0-9]*)"
NUMBER = r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""A number without leading zeros, which codes and telephone numbers have: what a column is inferred from."""

ANY_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""A number as it may stand in a column whose type is known."""

BOOLEAN = r"true|True|TRUE|false|False|FALSE"
ANY_BOOLEAN = rf"{BOOLEAN}|1|0"
"""A boolean as it may stand in a column whose type is known."""

INFERRED: dict[ColumnType, str] = {
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "number": NUMBER,
    "datetime": dates.PATTERN,
}
"""What all texts of a column match for it to be of a type, in the order in which types are tried; else a category."""

_KNOWN = {"integer": re.compile(INTEGER), "number": re.compile(ANY_NUMBER), "boolean": re.compile(ANY_BOOLEAN)}


def inferred_type(text: str) -> ColumnType:
    """The type that a single text would give its column."""
    return next((kind for kind, pattern in INFERRED.items() if re.fullmatch(pattern, text)), "category")


def value(text: str, kind: ColumnType) -> bool | int | float | str | datetime:
    """The value of a text in a column of a known type; limits are not checked here.

    Raises:
        ValueError: the text is not of this type.
        OverflowError: a date lies outside of the years 1 to 9999 in UTC.
    """
    match kind:
        case "category":
            return text
        case "datetime":
            return dates.moment(text)
        case "boolean":
            if _KNOWN["boolean"].fullmatch(text) is None:
                raise ValueError(f"{text[:40]!r} is neither true nor false")
            return text.lower() in ("true", "1")
    if _KNOWN["number"].fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not a number")
    number = float(text)
    if kind == "number":
        return number
    if _KNOWN["integer"].fullmatch(text.lstrip("+-").lstrip("0") or "0"):
        return int(text)
    if number % 1 != 0:
        raise ValueError(f"{text[:40]!r} is not an integer")
    return int(number)
