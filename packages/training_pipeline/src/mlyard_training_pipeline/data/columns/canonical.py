"""The canonical texts of keys, groups and typed categories: `mlyard_shared.columns.canonical` over whole arrays."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import canonical, texts
from mlyard_shared.columns import dates as grammar

from mlyard_training_pipeline.data.columns import dates
from mlyard_training_pipeline.data.columns.cells import Array, Mask, matches
from mlyard_training_pipeline.data.columns.numbers import NumberForm, holds_numbers

_EXACT = 2.0**53
_PLAIN = (1e-4, 1e10)
"""Between these Arrow spells a float without an exponent, as Python does."""

_SPELLED_SO = "0|-?[1-9][0-9]*"
_MAYBE = "[0-9+.tTfF-].*"
"""How every text begins that may be spelled in another way."""

_WHOLE = r"[+-]?(0|[1-9][0-9]*)(\.0*)?"


def is_spelled(kind: Any) -> bool:
    """Whether cells of an Arrow type have a canonical text."""
    return bool(pa.types.is_string(kind) or holds_numbers(kind) or dates.holds_dates(kind))


def key_texts(values: Any, form: NumberForm) -> Any:
    """The canonical texts of a key's cells, as an Arrow array.

    Args:
        values: an Arrow array of a type that `is_spelled`.
        form: how numbers are written in texts.
    """
    if not pa.types.is_string(values.type):
        return typed_texts(values)
    if not form.is_plain:
        fits = matches(values, form.any_number)
        values = pc.if_else(pa.array(fits), form.plain(values), values)
    if _all(values, _SPELLED_SO) or not matches(values, _MAYBE).any():
        return values
    number = matches(values, texts.NUMBER)
    whole = number & matches(values, _WHOLE)
    values = _replaced(values, whole, _whole_numbers)
    values = _replaced(values, number & ~whole, _other_numbers)
    values = _replaced(values, matches(values, texts.BOOLEAN), pc.ascii_lower)
    return _replaced(values, matches(values, grammar.PATTERN), _dates)


def typed_texts(values: Any) -> Any:
    """The canonical texts of typed cells, which the categories made of them are called by; texts are left alone."""
    kind = values.type
    if dates.holds_dates(kind):
        return _iso(dates.stored(values))
    if pa.types.is_decimal(kind):
        return key_texts(values.cast(pa.string()), NumberForm())
    if not pa.types.is_floating(kind):
        return values.cast(pa.string())
    numbers = values.cast(pa.float64())
    found = np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    missing = np.isnan(found)
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), _floats(np.where(missing, 0, found)))


def _all(values: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, rf"\A(?:{pattern})\z"), min_count=0).as_py())


def _replaced(values: Any, rows: Mask, spelled: Any) -> Any:
    """The texts with those of some rows spelled anew."""
    if not rows.any():
        return values
    where = pa.array(rows)
    return pc.replace_with_mask(values, where, spelled(values.filter(where)))


def _whole_numbers(values: Any) -> Any:
    spelled = pc.replace_substring_regex(values, r"\A\+|\.0*\z", "")
    return pc.replace_substring_regex(spelled, r"\A-0\z", "0")


def _other_numbers(values: Any) -> Any:
    """Numbers with decimals or an exponent; the few that Arrow spells in another way are left to Python."""
    found = np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    spelled = _floats(found)
    large = np.abs(found) >= _EXACT
    return _one_by_one(spelled, large, values.filter(pa.array(large)).to_pylist()) if large.any() else spelled


def _floats(found: Array) -> Any:
    """Float64 numbers without NaN."""
    size = np.abs(found)
    with np.errstate(invalid="ignore"):
        whole = (size < _EXACT) & (found % 1 == 0)
    plain = ~whole & (size >= _PLAIN[0]) & (size < _PLAIN[1])
    large = size >= _EXACT
    other = ~whole & ~plain & ~large
    spelled = pa.array(np.where(whole, found, 0).astype(np.int64)).cast(pa.string())
    spelled = _replaced(spelled, plain, lambda _: pa.array(found[plain]).cast(pa.string()))
    spelled = _replaced(spelled, other, lambda _: pa.array([repr(number) for number in found[other].tolist()]))
    return _one_by_one(spelled, large, found[large].tolist()) if large.any() else spelled


def _one_by_one(spelled: Any, rows: Mask, cells: list[Any]) -> Any:
    """Spell very large and very small numbers as Python does, each distinct one once."""
    known = {cell: canonical.key_text(cell) for cell in set(cells)}
    return pc.replace_with_mask(spelled, pa.array(rows), pa.array([known[cell] for cell in cells], pa.string()))


def _dates(values: Any) -> Any:
    parsed = dates.moments(values, checked=True)
    wrong = np.zeros(len(values), dtype=bool)
    for _, mask in parsed.faults:
        wrong |= mask
    return pc.if_else(pa.array(wrong), values, _iso(np.where(wrong, 0, parsed.values)))


def _iso(found: Array) -> Any:
    """ISO 8601 without an offset, and with microseconds where there are any."""
    known = found != dates.NULL
    spelled = pa.array(np.where(known, found, 0)).cast(pa.timestamp("us")).cast(pa.string())
    spelled = pc.replace_substring(spelled, " ", "T")
    spelled = pc.replace_substring_regex(spelled, r"\.000000\z", "")
    return pc.if_else(pa.array(known), spelled, pa.scalar(None, pa.string()))
