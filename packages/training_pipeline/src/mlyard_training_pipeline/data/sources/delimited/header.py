"""The first row of a CSV file: the names of its columns."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.sources.delimited.dialect import Dialect
from mlyard_training_pipeline.data.sources.delimited.whole_rows import Block


class Header(NamedTuple):
    """The names as they stand in the file, the line that they begin on, and the rows that follow them."""

    names: list[str]
    line: int
    rest: Block


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
    try:
        names = next(dialect.rows(lines))
    except csv.Error:
        raise TableError(f"{path}, line {line}: a name is too long for a header: put a header above the rows") from None
    _refuse_title(names, line, path)
    length = len(lines.getvalue()[: lines.tell()].encode())
    return Header(names, line, Block(line + text[:length].count(b"\n"), text[length:], block.has_breaks))


def _refuse_title(names: list[str], line: int, path: Path) -> None:
    """Refuse a line with more empty names than others, and separators at the ends of lines."""
    named = sum(bool(name.strip()) for name in names)
    if len(names) > 2 and named <= len(names) // 2 and names[0].strip():
        raise TableError(
            f"{path}, line {line}: {len(names) - named} of {len(names)} names are empty, as in a title: take out what "
            "stands above the header, or give each column a name"
        )
    if len(names) > 1 and named == len(names) - 1 and not names[-1].strip():
        raise TableError(
            f"{path}, line {line}: column {len(names)} has no name: give it one, or take the separator at the end of "
            "every line out"
        )
