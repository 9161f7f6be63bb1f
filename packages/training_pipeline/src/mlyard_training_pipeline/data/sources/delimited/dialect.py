"""How the rows of a CSV file are written."""

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Dialect(NamedTuple):
    """A separator, a quote that may be absent (b""), and whether quoted cells may hold what looks like rows."""

    separator: bytes
    quote: bytes
    multiline: bool

    @property
    def blanks(self) -> bytes:
        """Characters that do not count beside separators and at the ends of lines."""
        return b" \t".replace(self.separator, b"")

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Split a few lines, such as a header, by the standard library. Raises csv.Error."""
        separator = self.separator.decode()
        if self.quote:
            return csv.reader(lines, delimiter=separator, quotechar=self.quote.decode())
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
