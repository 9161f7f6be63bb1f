"""The first row of a CSV file: the names of its columns, and whether its separator is the right one."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.sources.delimited.quotes import Dialect
from mlyard_training_pipeline.data.sources.delimited.whole_rows import Block

_SEPARATORS = (";", "\t", "|", ",")
_SAMPLE = 20_000
"""How many bytes say which separator is the right one."""

_HINT = re.compile(rb'[ \t]*"?sep=([^\r\n])"?[ \t]*(\r\n|\r|\n)', re.IGNORECASE)


class Header(NamedTuple):
    """The names as they stand in the file, the line that they begin on, and the rows that follow them."""

    names: list[str]
    line: int
    rest: Block


def separator_hint(text: bytes) -> tuple[bytes, int] | None:
    """What Excel's first line `sep=;` says, and how long that line is."""
    found = _HINT.match(text)
    return (found[1], found.end()) if found else None


def read_header(block: Block, dialect: Dialect, path: Path) -> Header:
    """Split the header from the first rows.

    Raises:
        TableError: there is no row at all, or the first one is not a header.
    """
    text = block.text.lstrip(b"\r\n")
    line = block.line + block.text[: len(block.text) - len(text)].count(b"\n")
    if not text:
        raise TableError(f"{path} is empty")
    lines = io.StringIO(text.decode(), newline="")
    rows = _rows(lines, dialect)
    try:
        names = next(rows)
    except csv.Error:
        raise TableError(f"{path}, line {line}: a name is too long for a header: put a header above the rows") from None
    length = len(lines.getvalue()[: lines.tell()].encode())
    return Header(names, line, Block(line + text[:length].count(b"\n"), text[length:], block.has_breaks))


def check_separator(start: bytes, dialect: Dialect, path: Path) -> None:
    """Refuse a separator that gives one column where another one gives more.

    Args:
        start: the beginning of the file, before blanks are cut and quotes are checked.
        dialect: as the spec says it.
        path: begins the message.

    Raises:
        TableError: the separator that is right.
    """
    lines = sample(start)
    if lines and _width(lines[:1], dialect) == 1:
        right = likelier_separator(lines[:1], dialect) or likelier_separator(lines[1:], dialect)
        if right is not None:
            raise wrong_separator(path, dialect, right)


def sample(start: bytes) -> list[str]:
    """The first lines of a text that are not blank."""
    whole = start[: start.rfind(b"\n") + 1] or start
    return [line for line in whole[:_SAMPLE].decode("utf-8", "replace").splitlines() if line.strip()]


def likelier_separator(lines: list[str], dialect: Dialect) -> str | None:
    """The separator that gives each of the lines the same number of columns, and most of them; None for one column."""
    widths = {
        separator: _width(lines, dialect._replace(separator=separator.encode()))
        for separator in _SEPARATORS
        if separator.encode() != dialect.separator
    }
    best = max(widths, key=lambda separator: widths[separator])
    return best if widths[best] > 1 else None


def wrong_separator(path: Path, dialect: Dialect, right: str) -> TableError:
    """The error of a file with another separator than the spec says."""
    said = json.dumps(dialect.separator.decode())
    return TableError(f"{path} is not separated by {said}: say source.separator = {json.dumps(right)}")


def _width(lines: list[str], dialect: Dialect) -> int:
    """How many cells each line has, 0 where they differ."""
    try:
        widths = {len(row) for row in _rows(lines, dialect)}
    except csv.Error:
        return 0
    return widths.pop() if len(widths) == 1 else 0


def _rows(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    separator = dialect.separator.decode()
    if dialect.quote:
        return csv.reader(lines, delimiter=separator, quotechar=dialect.quote.decode())
    return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
