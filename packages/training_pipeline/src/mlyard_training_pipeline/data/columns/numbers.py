"""Numbers and booleans: texts in the form that the spec names, and the limits of their values."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import GRAMMAR_VERSION, GRAMMARS, texts
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.spec import Source

from mlyard_training_pipeline.data.columns.cells import Array, Mask, Parsed, faults_of, matches, valid

MAX_INTEGER = GRAMMARS[GRAMMAR_VERSION].max_integer
BLANK = "[ \u00a0\u2009\u202f]"
_GROUPED_BY = {" ": BLANK, "'": "['\u2019]", None: ""}
_EXPONENT = "([eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written: the character before decimals, the one between thousands, and texts around them."""

    decimal: str = "."
    thousands: str | None = None
    units: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: Source) -> "NumberForm":
        """The form that a spec names."""
        return cls(source.decimal or ".", source.thousands, source.units)

    @property
    def is_plain(self) -> bool:
        """Whether it is the form of the shared grammar."""
        return self == NumberForm()

    @cached_property
    def integer(self) -> str:
        """What an integer looks like, to infer a column's type."""
        return texts.INTEGER if self.is_plain else self._around(self._whole)

    @cached_property
    def number(self) -> str:
        """What a number looks like, to infer a column's type."""
        if self.is_plain:
            return texts.NUMBER
        return self._around(rf"(({self._whole})({self._point}[0-9]*)?|{self._point}[0-9]+){_EXPONENT}")

    @cached_property
    def any_number(self) -> str:
        """What a number may look like in a column whose type is known."""
        if self.is_plain:
            return texts.ANY_NUMBER
        whole = rf"[0-9]+|[0-9]{{1,3}}({self._group}[0-9]{{3}})+" if self.thousands else "[0-9]+"
        return self._around(rf"(({whole})({self._point}[0-9]*)?|{self._point}[0-9]+){_EXPONENT}")

    def plain(self, cells: Any) -> Any:
        """Texts that match `any_number`, as the shared grammar writes them."""
        if self.is_plain:
            return cells
        if self.units:
            around = self._affix
            inner = r"\A" + around + "([+-]?)" + around + "(.*?)" + around + r"\z"
            cells = pc.replace_substring_regex(cells, inner, r"\1\2")
        if self.thousands:
            cells = pc.replace_substring_regex(cells, self._group, "")
        return cells if self.decimal == "." else pc.replace_substring(cells, self.decimal, ".")

    @property
    def _group(self) -> str:
        return _GROUPED_BY.get(self.thousands) or re.escape(str(self.thousands))

    @property
    def _point(self) -> str:
        return re.escape(self.decimal)

    @property
    def _whole(self) -> str:
        plain = "0|[1-9][0-9]*"
        return rf"{plain}|[1-9][0-9]{{0,2}}({self._group}[0-9]{{3}})+" if self.thousands else plain

    @property
    def _affix(self) -> str:
        if not self.units:
            return ""
        longest_first = sorted(self.units, key=len, reverse=True)
        return f"(?:{BLANK}|{'|'.join(re.escape(unit) for unit in longest_first)})*"

    def _around(self, body: str) -> str:
        return f"{self._affix}[+-]?{self._affix}({body}){self._affix}"


def numbers(values: Any, form: NumberForm, *, checked: bool = False) -> Parsed:
    """Finite float64 numbers up to the largest float32, NaN for null.

    Args:
        values: an Arrow array.
        form: how its texts are written.
        checked: every text is known to match the form.
    """
    parsed = _parsed(values, form, checked=checked)
    size = np.abs(parsed.values)
    beyond, infinite = size > MAX_NUMBER, np.isinf(size)
    return Parsed(parsed.values, parsed.faults + faults_of(not_finite=infinite, out_of_range=beyond & ~infinite))


def integers(values: Any, form: NumberForm, *, checked: bool = False) -> Parsed:
    """Whole numbers below 2^53 as float64, NaN for null."""
    parsed = _parsed(values, form, checked=checked)
    beyond = np.abs(parsed.values) > MAX_INTEGER
    broken = (np.floor(parsed.values) != parsed.values) & ~np.isnan(parsed.values)
    return Parsed(parsed.values, parsed.faults + faults_of(wrong_type=broken, out_of_range=beyond & ~broken))


def booleans(values: Any) -> Parsed:
    """1.0 for true, 0.0 for false, NaN for null. Typed numbers may be 1 and 0, as texts may."""
    kind, known = values.type, valid(values)
    if pa.types.is_boolean(kind):
        return Parsed(_floats(values))
    if pa.types.is_string(kind):
        true = matches(values, "true|True|TRUE|1")
        wrong = known & ~matches(values, texts.ANY_BOOLEAN)
        return Parsed(np.where(known & ~wrong, true.astype(np.float64), np.nan), faults_of(wrong_type=wrong))
    found = _typed(values)
    return Parsed(found, faults_of(wrong_type=~np.isnan(found) & (found != 0) & (found != 1)))


def holds_numbers(kind: Any) -> bool:
    """Whether an Arrow type is of numbers or booleans."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind))


def _parsed(values: Any, form: NumberForm, *, checked: bool) -> Parsed:
    if not pa.types.is_string(values.type):
        return Parsed(_typed(values))
    wrong: Mask | None = None
    if not checked:
        fits = matches(values, form.any_number)
        wrong = valid(values) & ~fits
        values = pc.if_else(pa.array(fits), values, pa.scalar(None, pa.string())) if wrong.any() else values
    found = _floats(form.plain(values))
    return Parsed(found) if wrong is None else Parsed(found, faults_of(wrong_type=wrong))


def _typed(values: Any) -> Array:
    # By way of text a decimal becomes the nearest float64, as it does in Python.
    return _floats(values.cast(pa.string()) if pa.types.is_decimal(values.type) else values)


def _floats(values: Any) -> Array:
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
