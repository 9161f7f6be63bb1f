"""Which character separates the cells of a CSV file, and whether another one would be right."""

import csv
import json
import re
from collections.abc import Sequence

from mlyard_shared.errors import TableError
from mlyard_shared.spec import Source

from mlyard_training_pipeline.data.sources.delimited.dialect import Dialect
from mlyard_training_pipeline.data.sources.files import TableFile

_CANDIDATES = (";", "\t", "|", ",")
_RARE = (":", " ")
"""Separators that texts have as well: only where they split every line alike."""

_SAMPLE = 20_000
"""How many bytes say which separator is the right one."""

_HINT = re.compile(rb'[ \t]*"?sep=([^\r\n])"?[ \t]*(\r\n|\r|\n)', re.IGNORECASE)
"""The first line that Excel writes and reads."""


def separator_of(file: TableFile, source: Source, start: bytes) -> tuple[bytes, int]:
    """Return the separator, and how many bytes the line has that says it, 0 where there is none.

    Args:
        file: a name with .tsv means tabs.
        source: what the spec says goes before the name.
        start: the beginning of the file.

    Raises:
        TableError: the file says another separator than the spec, or it cannot be one.
    """
    is_said = "separator" in source.model_fields_set
    separator = ("\t" if file.has_tabs and not is_said else source.separator).encode()
    hint = _HINT.match(start)
    if hint is not None:
        if is_said and hint[1] != separator:
            raise TableError(
                f"{file.path}, line 1 says sep={hint[1].decode()}, but not the spec: leave source.separator out"
            )
        separator = hint[1]
    if len(separator) > 1 or separator in b"\r\n\0" or separator == source.quote.encode():
        raise TableError(
            f"source.separator = {source.separator!r} cannot separate cells: give an ASCII character that is neither "
            "the quote nor the end of a line"
        )
    return separator, hint.end() if hint else 0


def check_header_separator(file: TableFile, dialect: Dialect, start: bytes) -> None:
    """Refuse a separator that gives one column where another one gives more.

    It is called before blanks are cut and quotes are checked, which depends on the separator.

    Raises:
        TableError: the separator that is right.
    """
    lines = _sample(start)
    if lines and _width(lines[:1], dialect) == 1:
        right = _likelier(lines[:1], dialect) or _likelier(lines[1:], dialect)
        if right is None and len(lines) > 1:
            right = _likelier(lines, dialect, _RARE)
        if right is not None:
            raise _wrong(file, dialect, right)


def check_row_separator(file: TableFile, dialect: Dialect, start: bytes) -> None:
    """Refuse a separator that gives uneven rows where another one gives even ones.

    Raises:
        TableError: the separator that is right.
    """
    right = _likelier(_sample(start), dialect)
    if right is not None:
        raise _wrong(file, dialect, right)


def _sample(start: bytes) -> list[str]:
    """The first lines of a text that are not blank."""
    part = start[:_SAMPLE]
    whole = part[: part.rfind(b"\n") + 1] or part
    return [line for line in whole.decode("utf-8", "replace").splitlines() if line.strip()]


def _likelier(lines: list[str], dialect: Dialect, among: Sequence[str] = _CANDIDATES) -> str | None:
    """The separator that gives each of the lines the same number of columns, and most of them; None for one column."""
    widths = {
        separator: _width(lines, dialect._replace(separator=separator.encode()))
        for separator in among
        if separator.encode() != dialect.separator
    }
    best = max(widths, key=lambda separator: widths[separator])
    return best if widths[best] > 1 else None


def _width(lines: list[str], dialect: Dialect) -> int:
    """How many cells each line has, 0 where they differ."""
    try:
        widths = {len(row) for row in dialect.rows(lines)}
    except csv.Error:
        return 0
    return widths.pop() if len(widths) == 1 else 0


def _wrong(file: TableFile, dialect: Dialect, right: str) -> TableError:
    said = json.dumps(dialect.separator.decode())
    return TableError(f"{file.path} is not separated by {said}: say source.separator = {json.dumps(right)}")
