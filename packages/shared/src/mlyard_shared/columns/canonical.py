"""The one spelling of a key, of a group, and of a category from a typed column, whatever file a row came from."""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal

from mlyard_shared.columns import dates, texts

_NUMBER = re.compile(texts.NUMBER)
_BOOLEAN = re.compile(texts.BOOLEAN)


def key_text(value: object) -> str | None:
    """A key's canonical text; None for null.

    `1`, `1.0` and `"1"` are all "1", and "007" is not 7. Other numbers have the shortest spelling that reads as the
    same float64, booleans are "true" and "false", dates are in UTC as `2026-01-31T00:00:00`, with microseconds where
    there are any; every other text is left as it is.
    """
    if not isinstance(value, str):
        return typed_text(value)
    if _NUMBER.fullmatch(value):
        return _number(value)
    if _BOOLEAN.fullmatch(value):
        return value.lower()
    try:
        return dates.moment(value).isoformat()
    except (ValueError, OverflowError):
        return value


def typed_text(value: object) -> str | None:
    """The canonical text of a typed value, which a category made of it is called by; None for null."""
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(str(value))
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day).isoformat()  # noqa: DTZ001 - dates here are UTC
    return str(value)


def _number(text: str) -> str:
    number, exact = float(text), Decimal(text)
    if not math.isfinite(number):
        return text
    # Whole numbers keep all of their digits, however many; others are what a float64 makes of them.
    # Zero is added so that what vanishes has no sign.
    return str(int(exact)) if exact == exact.to_integral_value() else repr(number + 0.0).removesuffix(".0")
