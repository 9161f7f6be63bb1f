"""CSV text as blocks of whole rows, in which quotes are regular and no blanks surround a cell."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mlyard_shared.errors import TableError
from numpy.typing import NDArray

from mlyard_training_pipeline.data.sources.delimited.dialect import Dialect
from mlyard_training_pipeline.data.sources.delimited.encodings import not_decoded
from mlyard_training_pipeline.data.sources.delimited.quotes import NO_QUOTES, Quotes, Stray, find_quotes


class Block(NamedTuple):
    """Whole rows: the line that the first of them begins on, their UTF-8 text, and whether cells have line breaks."""

    line: int
    text: bytes
    has_breaks: bool


def whole_rows(blocks: Iterator[bytes], dialect: Dialect, path: Path, *, line: int, longest: int) -> Iterator[Block]:
    """Cut UTF-8 text into blocks of whole rows, and the blanks around unquoted cells out of it.

    Lines keep their number, since no line break is taken out.

    Args:
        blocks: the text, cut anywhere.
        dialect: how its rows are written.
        path: begins the messages.
        line: the first one.
        longest: how many bytes a row may have, about.

    Raises:
        TableError: the line with a stray or unclosed quote, a NUL, bytes that are not UTF-8, or a row without end.
    """
    rest = b""
    for block in blocks:
        found, rest = _cut(rest + block, dialect, path, line, final=False)
        if found is not None:
            yield found
            line += int(np.count_nonzero(np.frombuffer(found.text, np.uint8) == ord("\n")))
        if len(rest) > longest:
            _cut(rest, dialect, path, line, final=True)
            raise TableError(f"{path}, line {line}: the row has more than {longest >> 20} MB: take its long cell out")
    found, _ = _cut(rest, dialect, path, line, final=True)
    if found is not None:
        yield found


def _cut(text: bytes, dialect: Dialect, path: Path, line: int, *, final: bool) -> tuple[Block | None, bytes]:
    """The whole rows at the beginning of a text, and what is left."""
    if (position := text.find(b"\0")) >= 0:
        raise TableError(f"{path}, line {_line(text, position, line)}: a NUL byte stands in the text: take it out")
    octets = np.frombuffer(text, np.uint8)
    quotes = NO_QUOTES
    if dialect.quote and dialect.quote in text:
        found = find_quotes(octets, dialect)
        if isinstance(found, Stray):
            raise _stray_quote(text, found, path, line)
        quotes = found
        if final and quotes.unclosed is not None:
            raise _unclosed_quote(_line(text, quotes.unclosed, line), path)
    if b"\r" in text:
        text = _line_feeds(text, octets, quotes)
    end = len(text) if final else _end_of_rows(text, quotes)
    if end == 0:
        return None, text
    rows = text[:end]
    has_breaks = bool(len(quotes.opens)) and _has_breaks(rows, quotes)
    rows = _without_blanks(rows, quotes, dialect)
    if not rows.isascii():
        _check_utf8(rows, path, line)
    return Block(line, rows, has_breaks), text[end:]


def _line_feeds(text: bytes, octets: NDArray[np.uint8], quotes: Quotes) -> bytes:
    """Put line feeds in place of lone carriage returns outside of quoted cells; the last byte may be half of a pair."""
    returns = np.flatnonzero(octets[:-1] == ord("\r"))
    lone = returns[octets[returns + 1] != ord("\n")]
    lone = lone[~quotes.inside(lone)]
    if not len(lone):
        return text
    changed = octets.copy()
    changed[lone] = ord("\n")
    return changed.tobytes()


def _end_of_rows(text: bytes, quotes: Quotes) -> int:
    """Where the last row ends that is whole."""
    end = len(text) if quotes.unclosed is None else quotes.unclosed
    while (end := text.rfind(b"\n", 0, end)) >= 0:
        cell = int(np.searchsorted(quotes.opens, end)) - 1
        if cell < 0 or quotes.closes[cell] < end:
            return end + 1
        end = int(quotes.opens[cell])
    return 0


def _has_breaks(text: bytes, quotes: Quotes) -> bool:
    breaks = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    return bool(quotes.inside(breaks).any())


def _without_blanks(text: bytes, quotes: Quotes, dialect: Dialect) -> bytes:
    """Cut the blanks that touch a separator or the end of a line outside of a quoted cell."""
    octets = np.frombuffer(text, np.uint8)
    blank, border = _any_of(text, dialect.blanks), _any_of(text, dialect.separator + b"\r\n")
    touching = (blank[1:] & border[:-1]).any() or (blank[:-1] & border[1:]).any()
    if not (touching or blank[0] or blank[-1]):
        return text
    positions = np.flatnonzero(blank)
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    first = positions[np.concatenate([[0], breaks])]
    last = positions[np.concatenate([breaks - 1, [len(positions) - 1]])]
    left = (first == 0) | border[first - 1]
    right = (last == len(octets) - 1) | border[np.minimum(last + 1, len(octets) - 1)]
    stay = ~(left | right)
    if len(quotes.marks):
        stay |= quotes.inside(first)
    keep = ~blank
    keep[positions[np.repeat(stay, last - first + 1)]] = True
    return octets[keep].tobytes()


def _any_of(text: bytes, characters: bytes) -> NDArray[np.bool_]:
    octets = np.frombuffer(text, np.uint8)
    found = np.zeros(len(text), dtype=bool)
    for character in characters:
        if character in text:  # far cheaper than to compare each byte
            found |= octets == character
    return found


def _check_utf8(text: bytes, path: Path, line: int) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_decoded(path, _line(text, error.start, line), "utf-8") from None


def _stray_quote(text: bytes, quote: Stray, path: Path, line: int) -> TableError:
    way_out = (
        "double the quotes within a cell and put the cell in quotes, "
        'or say source.quote = "" if quotes are ordinary characters'
    )
    if quote.opened is None:
        return TableError(f"{path}, line {_line(text, quote.at, line)}: a quote stands within a cell: {way_out}")
    opened, closed = _line(text, quote.opened, line), _line(text, quote.at, line)
    where = "within its cell" if closed == opened else f"on line {closed} within a cell"
    return TableError(f"{path}, line {opened}: the quote that opens here closes {where}: {way_out}")


def _unclosed_quote(line: int, path: Path) -> TableError:
    return TableError(
        f"{path}, line {line}: the quote that opens here never closes, so that every row below is part of one cell: "
        'close it, or say source.quote = "" if quotes are ordinary characters'
    )


def _line(text: bytes, position: int, line: int) -> int:
    """The line of a position, as an editor counts."""
    before = text[:position]
    return line + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
