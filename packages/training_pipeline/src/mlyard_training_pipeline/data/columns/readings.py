"""Numbers that are written in another way than the spec says: which keys of it would read them."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlyard_training_pipeline.data.columns.cells import Mask, all_match, matches
from mlyard_training_pipeline.data.columns.numbers import BLANK, NumberForm

Pair = tuple[str, str | None]

PAIRS: tuple[Pair, ...] = tuple(
    (decimal, group) for decimal in (".", ",") for group in (None, ".", ",", "'", " ", "_") if group != decimal
)
"""The ways to write decimals and thousands."""

MOSTLY = 0.8
"""From this share on, texts count as numbers or dates with mistakes in them, not as texts."""

_MANY = 20
"""With more different numbers than this, a few texts among them count as mistakes whatever their share."""

_FEW = 3

_ROUND = 0.5
"""The share of numbers that end in zero from which they are counts in thousands, and not measures."""

_MINUS = "\u2212"
_ACCOUNTED = r"\(([^()]*[0-9][^()]*)\)|([^()]*[0-9])-"
"""Negative numbers as accountants write them."""

_INDIAN = r"[+-]?[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}([.][0-9]*)?"
"""Thousands, lakhs and crores."""

_AS_TEXT = "'([+-]?[0-9].*)"
"""A number that a spreadsheet was told to keep as text."""

_MAYBE_THOUSANDS = r"[+-]?([1-9][0-9]{0,2}(\.[0-9]{3})?|0)"
_CURRENCY = "EUR|Euro|USD|CHF|GBP|JPY|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL|AUD|CAD|[Kk]r[.]?|Fr[.]?|Rs[.]?"
_UNIT = (
    f"{_CURRENCY}|[mcdk]m|mi|ft|[mk]g|lbs?|oz|[mcd]l|ms|sec|min|hrs|[kKMGT]B|[kM]Wh?|[kMG]?Hz|h?bar|[hk]Pa|[mk]?m[23²³]|"
    "km/h|m/s|mph|k?cal|kJ|rpm|dB|°[CF]?|pct|percent|Prozent|ppm|bps?|Stk[.]?|pcs|years|days|hours|Jahre|Tage"
)
_PARTS = (
    rf"\A(?P<before>[^0-9.,]*?){BLANK}*[+-]?{BLANK}*"
    f"(?P<number>[.,]?[0-9](?:[0-9.,'\u2019_]|{BLANK}[0-9])*(?:[eE][+-]?[0-9]+)?){BLANK}*"
    r"(?P<after>[^0-9.,][^,]{0,9})?\z"
)


class Reading(NamedTuple):
    """How the texts of a column could be read as numbers: by any of the pairs, without the units around them.

    `fits` are the texts that are numbers then. There is no pair where no key helps, since the numbers are not written
    alike: with different units or decimal characters, or with digits or a minus sign of their own.
    """

    pairs: frozenset[Pair]
    units: tuple[str, ...]
    fits: Mask


def reading(texts: Any) -> Reading | None:
    """The ways to read distinct texts as numbers, if most of them are numbers at all."""
    usual = _usual(texts)
    units, alike = _units(usual)
    alike &= bool(usual.equals(texts))
    found = {pair: matches(usual, NumberForm(*pair, units).number) for pair in PAIRS}
    best = max(found.values(), key=np.sum)
    if not _most(best):
        # Each in one way or another: no key of the spec reads all of them.
        best, alike = np.any(list(found.values()), axis=0), False
    if not _most(best):
        return None
    pairs = frozenset(pair for pair, fits in found.items() if alike and (fits == best).all())
    return Reading(pairs, units, best)


def mostly(fitting: int, misfits: int, *, share: float) -> bool:
    """Whether texts are of a type but for some mistakes.

    Args:
        fitting: how many different ones are.
        misfits: how many different ones are not.
        share: of the cells that are.
    """
    return fitting > 0 and (share >= MOSTLY or (fitting > _MANY and misfits <= _FEW))


def fewest(pairs: Iterable[Pair]) -> list[Pair]:
    """Of several ways to write numbers those that differ least from the usual one."""
    costs = {pair: (pair[0] != ".") + (pair[1] is not None) for pair in pairs}
    return sorted((pair for pair, cost in costs.items() if cost == min(costs.values())), key=str)


def looks_grouped(texts: Any) -> bool:
    """Whether texts are numbers whose decimals may as well be thousands, as far as they have any."""
    return all_match(texts, _MAYBE_THOUSANDS)


def suggest_groups(texts: Any) -> bool:
    """Whether numbers that look grouped are so most likely, since their writer cannot have meant three decimals.

    Whoever writes 850 beside 3.372 leaves zeros at the end out, and would do so for one number in ten. Whoever keeps
    them writes 850.000, and measures that end in zero are one in ten as well.
    """
    texts = pc.unique(texts).drop_null()
    pointed = matches(texts, ".*[.].*")
    round_ones = int(matches(texts, ".*[.].*0").sum())
    small = int(matches(texts, "[+-]?[1-9][0-9]{0,2}").sum())
    return bool(pointed.sum() and (small or round_ones > _ROUND * pointed.sum()))


def _most(fits: Mask) -> bool:
    count = int(fits.sum())
    return mostly(count, len(fits) - count, share=count / max(len(fits), 1))


def _usual(texts: Any) -> Any:
    """The texts with digits, groups of them and minus signs as they are written most."""
    texts = pc.replace_substring(texts, _MINUS, "-")
    if not pc.all(pc.string_is_ascii(texts), min_count=0).as_py():
        texts = pa.array([_with_ascii_digits(text) for text in texts.to_pylist()], pa.string())
    accounted = matches(texts, _ACCOUNTED)
    # Where every number has brackets, they do not stand for a sign.
    if 0 < accounted.sum() < len(texts):
        texts = pc.replace_substring_regex(texts, rf"\A(?:{_ACCOUNTED})\z", r"-\1\2")
    indian = pa.array(matches(texts, _INDIAN))
    texts = pc.if_else(indian, pc.replace_substring(texts, ",", ""), texts)
    return pc.replace_substring_regex(texts, rf"\A{_AS_TEXT}\z", r"\1")


def _with_ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _units(texts: Any) -> tuple[tuple[str, ...], bool]:
    """The texts around the numbers where they look like units, and whether all numbers may have the same."""
    parts = pc.extract_regex(texts, _PARTS).drop_null()
    if len(parts) == 0:
        return (), True
    numbers = pc.struct_field(parts, "number")
    # Letters that are not known as a unit are one where there is much to count.
    counted = len(numbers) > _MANY or bool(matches(numbers, ".*[.,].*").any())
    before, after = _beside(parts, "before"), _beside(parts, "after")
    if not before and not after:
        return ((" ",) if matches(texts, f"{BLANK}+.*|.*{BLANK}+").any() else ()), True
    counted |= any(re.fullmatch(_UNIT, text) for text in after)
    known = all(_is_symbol(text) or re.fullmatch(_CURRENCY, text) for text in before) and all(
        _is_symbol(text) or re.fullmatch(_UNIT, text) or (counted and text.isalpha() and len(text) <= _FEW + 1)
        for text in after
    )
    return (tuple(sorted(before | after)) if known else ()), len(before) <= 1 and len(after) <= 1


def _beside(parts: Any, side: str) -> set[str]:
    """What stands before or after the numbers, without blanks and signs."""
    found = pc.unique(pc.struct_field(parts, side)).to_pylist()
    return {text.strip(" \u00a0\u2009\u202f+-") for text in found if text} - {""}


def _is_symbol(text: str) -> bool:
    """Whether a text beside a number is a sign such as % or €."""
    return len(text) <= _FEW and not any(c.isalnum() or c in "/\\:;#()[]{}<>=*|\"'?!&@~_" for c in text)
