"""What is wrong with rows that cannot be split into the header's columns, in words."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.sources.delimited.dialect import Dialect
from mlyard_training_pipeline.data.sources.delimited.quotes import NO_QUOTES, Positions, Quotes, Stray, find_quotes
from mlyard_training_pipeline.data.sources.delimited.whole_rows import Block

_TOTALS = {"total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme", "insgesamt", "totale", "suma"}


class UnevenRow(NamedTuple):
    """A row with more or fewer cells than the header.

    `is_last` where only blank lines follow in its block, `ends_empty` where a separator is the last character.
    """

    line: int
    cells: int
    is_last: bool
    ends_empty: bool


def refuse_swallowed_rows(block: Block, columns: int, dialect: Dialect, path: Path) -> None:
    """Refuse a quoted cell that holds what looks like rows: a quote is missing or stray, and they would be lost.

    A line looks like a row where it would have as many cells as the header if the quotes of the cell were not there.
    The cell is refused where one within it does, or both the one that it opens on and the one that it ends on.

    Raises:
        TableError: the lines where the cell opens and ends.
    """
    text = block.text
    octets, quotes = np.frombuffer(text, np.uint8), _quotes(text, dialect)
    breaks = np.flatnonzero(octets == ord("\n"))
    separators = _outside(np.flatnonzero(octets == dialect.separator[0]), quotes)
    first, after = np.searchsorted(breaks, quotes.opens), np.searchsorted(breaks, quotes.closes)
    edges = np.concatenate([[-1], breaks, [len(text)]])
    for cell in np.flatnonzero(first != after):
        opens, closes = int(quotes.opens[cell]), int(quotes.closes[cell])
        ends = edges[first[cell] : after[cell] + 2]
        outer = np.diff(np.searchsorted(separators, ends))
        inner = [
            text.count(dialect.separator, max(opens, start), min(closes, end)) for start, end in pairwise(ends.tolist())
        ]
        alike = (outer + inner == columns - 1).tolist()
        if any(alike[1:-1]) or (alike[0] and alike[-1]):
            opened = block.line + int(first[cell])
            raise TableError(
                f"{path}, line {opened}: the quoted cell that opens here ends on line {opened + len(alike) - 1} and "
                "holds what looks like rows: close its quote, or say source.multiline = true if the lines are its text"
            )


def uneven_row(block: Block, columns: int, dialect: Dialect) -> UnevenRow | None:
    """Find the first row that has not as many cells as the header."""
    text = block.text
    octets = np.frombuffer(text if text.endswith(b"\n") else text + b"\n", np.uint8)
    quotes = _quotes(text, dialect)
    ends = _outside(np.flatnonzero(octets == ord("\n")), quotes)
    separators = _outside(np.flatnonzero(octets == dialect.separator[0]), quotes)
    cells = np.diff(np.searchsorted(separators, ends), prepend=0) + 1
    starts = np.concatenate([[0], ends[:-1] + 1])
    filled = np.array([bool(text[start:end].strip(b"\r")) for start, end in zip(starts, ends, strict=True)], dtype=bool)
    uneven = np.flatnonzero(filled & (cells != columns))
    if not len(uneven):
        return None
    row = int(uneven[0])
    line = block.line + text.count(b"\n", 0, int(starts[row]))
    ends_empty = text[: int(ends[row])].rstrip(b"\r").endswith(dialect.separator)
    return UnevenRow(line, int(cells[row]), is_last=not filled[row + 1 :].any(), ends_empty=ends_empty)


def refuse_repeated_header(
    batch: Any, names: Sequence[str], first: int, block: Block, dialect: Dialect, path: Path
) -> None:
    """Refuse a row that is the header again, as where files were put one below the other.

    Args:
        batch: rows of the block.
        names: the cells of the header.
        first: which of the block's rows the batch begins with, counted from 0.
        block: their text.
        dialect: how its rows are written.
        path: begins the message.

    Raises:
        TableError: the line of the row.
    """
    same = pc.equal(batch.column(0), names[0])
    if not pc.any(same).as_py():
        return
    for column, name in zip(batch.columns[1:], names[1:], strict=True):
        same = pc.and_(same, pc.equal(column, name))
    row = pc.index(pc.fill_null(same, False), True).as_py()
    if row >= 0:
        line = _lines_of_rows(block, dialect)[first + row]
        raise TableError(f"{path}, line {line}: the header stands here again: take the line out")


def refuse_total(batch: Any, block: Block, path: Path) -> None:
    """Refuse a last row that is the sum of those above it: it begins with a word for that, and has cells without text.

    Args:
        batch: the last rows of the file.
        block: their text.
        path: begins the message.

    Raises:
        TableError: the line of the row.
    """
    labels = [str(label).strip(" :").casefold() for label in batch.column(0).to_pylist()]
    rest = [column[-1].as_py() for column in batch.columns[1:]]
    if labels[-1] in _TOTALS and labels.count(labels[-1]) == 1 and not all(rest):
        line = block.line + block.text.rstrip(b"\r\n").count(b"\n")
        raise TableError(f"{path}, line {line}: the last row is a total of the rows above it: take it out")


def _lines_of_rows(block: Block, dialect: Dialect) -> list[int]:
    """The line on which each row of a block begins that is not blank."""
    text = block.text if block.text.endswith(b"\n") else block.text + b"\n"
    octets = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero(octets == ord("\n"))
    ends = _outside(breaks, _quotes(text, dialect))
    starts = np.concatenate([[0], ends[:-1] + 1])
    lines = block.line + np.searchsorted(breaks, starts)
    return [int(n) for n, start, end in zip(lines, starts, ends, strict=True) if text[start:end].strip(b"\r")]


def _quotes(text: bytes, dialect: Dialect) -> Quotes:
    """The quotes of whole rows, which are known to be regular."""
    if not dialect.quote or dialect.quote not in text:
        return NO_QUOTES
    found = find_quotes(np.frombuffer(text, np.uint8), dialect)
    return NO_QUOTES if isinstance(found, Stray) else found


def _outside(positions: Positions, quotes: Quotes) -> Positions:
    return positions[~quotes.inside(positions)]
