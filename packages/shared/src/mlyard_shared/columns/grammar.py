"""The types of a column, and the limits of their values: as they are now, and as version 0.2.0 had them."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mlyard_shared.columns import dates

ColumnType = Literal["integer", "number", "boolean", "category", "datetime"]

GRAMMAR_VERSION = 2
"""The grammar of model versions that are trained now. Version 1 is that of the contract before."""

MISSING = "<missing>"
"""How a null category was spelled for the engines by contract 1, and therefore no text of a cell."""

MAX_NUMBER = 3.4028234663852886e38
"""The largest float32, in which trees and their twins compute: beyond it every number is infinite."""


class Fault(NamedTuple):
    """What is wrong with a value, and what would be right."""

    code: str
    message: str


@dataclass(frozen=True)
class Grammar:
    """One version of the grammar.

    `max_integer` is the largest magnitude of an integer, `date` what a date looks like, `reserved` are texts that no
    cell may hold, and `max_text` is the length in characters from which a text is not a category any more.
    """

    version: int
    max_integer: int
    date: re.Pattern[str]
    reserved: frozenset[str]
    max_text: int | None

    def text_fault(self, text: str) -> Fault | None:
        """What is wrong with the text of a category, if anything."""
        # Engines take text as UTF-8 that ends at a NUL.
        if "\0" in text or not _encodes(text):
            return Fault("bad_text", "must be Unicode text without NUL characters and lone surrogates")
        if text in self.reserved:
            return Fault("bad_text", f"must not be {text!r}, which stands for a missing value")
        if self.max_text is not None and len(text) > self.max_text:
            return Fault("text_too_long", f"must have at most {self.max_text} characters")
        return None


GRAMMARS = {
    1: Grammar(version=1, max_integer=2**53, date=dates.FIRST_FORM, reserved=frozenset(), max_text=None),
    # From 2^53 on two integers may have one float64, so that 2^53 itself may have been another number.
    2: Grammar(version=2, max_integer=2**53 - 1, date=dates.FORM, reserved=frozenset({MISSING}), max_text=10_000),
}


def composed(name: str) -> str:
    """A column's name in Unicode's NFC form, in which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
