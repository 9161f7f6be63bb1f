"""Dates as text: ISO 8601, taken as UTC where no offset is named, cut to microseconds."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
PATTERN = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    rf"([T ]{_CLOCK}(:[0-5][0-9](\.[0-9]{{1,9}})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:[0-5][0-9](:[0-5][0-9])?|[0-5][0-9]([0-5][0-9])?)?)?)?"
)
"""A date, or a date and time, in a syntax that Python's `re` and Arrow's RE2 both read. Offsets may be `+01`, `+0100`
and `+01:00`, as databases and tools write them; whether the day exists in its month is not in it."""

FORM = re.compile(PATTERN)
FIRST_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
"""What grammar 1 took."""


def moment(text: str, form: re.Pattern[str] = FORM) -> datetime:
    """Read a date as UTC, without its offset; more digits than microseconds are cut off.

    Raises:
        ValueError: it is not a date of this form.
        OverflowError: in UTC it lies outside of the years 1 to 9999.
    """
    if form.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not an ISO 8601 date")
    date = datetime.fromisoformat(text)
    return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)


def microseconds(text: str, form: re.Pattern[str] = FORM) -> int:
    """Read a date as microseconds since 1970 in UTC, as NumPy stores it: what `moment` says, several times as fast.

    Raises:
        ValueError: it is not a date of this form.
        OverflowError: in UTC it lies outside of the years 1 to 9999.
    """
    if form.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not an ISO 8601 date")
    date = datetime.fromisoformat(text)
    since = date - (_EPOCH if date.tzinfo is None else _EPOCH_UTC)
    found = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if not _FIRST <= found <= _LAST:
        raise OverflowError(f"{text[:40]!r} is not in the years 1 to 9999 in UTC")
    return found


def all_microseconds(texts: Collection[str], form: re.Pattern[str] = FORM) -> NDArray[np.int64]:
    """Read dates as `microseconds` does, and raise what it raises; many that are written alike are read at once."""
    lengths = set(map(len, texts)) if len(texts) > _FEW else ()
    found = _alike(texts, *lengths) if len(lengths) == 1 else None
    return np.array([microseconds(text, form) for text in texts], dtype=np.int64) if found is None else found


def _alike(texts: Collection[str], length: int) -> NDArray[np.int64] | None:
    """The microseconds of texts `YYYY-MM-DD`, `YYYY-MM-DDThh:mm` or `YYYY-MM-DDThh:mm:ss`, with or without a Z."""
    if length not in (10, 16, 17, 19, 20):
        return None
    try:
        octets = np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8).reshape(-1, length)
    except UnicodeEncodeError:
        return None
    clock = {17: 16, 20: 19}.get(length, length)
    shape = np.frombuffer(b"0000-00-00T00:00:00"[:clock] + b"Z" * (length - clock), dtype=np.uint8)
    is_digit = shape == ord("0")
    others = octets[:, ~is_digit]
    right = others == shape[~is_digit]
    if length > 10:
        right[:, 2] |= others[:, 2] == ord(" ")
    # Below "0" the difference wraps.
    if not (right.all() and (octets[:, is_digit] - ord("0") <= 9).all()):
        return None
    try:
        moments = np.ascontiguousarray(octets[:, :clock]).view(f"S{clock}").reshape(-1).astype("datetime64[us]")
    except ValueError:
        return None
    found = moments.astype(np.int64)
    # NumPy knows the year 0.
    return found if found.min() >= _FIRST else None


_FEW = 16
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH = _EPOCH_UTC.replace(tzinfo=None)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH_UTC) // timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH_UTC) // timedelta(microseconds=1)
