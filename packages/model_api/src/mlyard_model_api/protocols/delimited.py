"""Tables in CSV, as RFC 4180 has it: a header with the names of the schema in any order, and cells of its types.

UTF-8 without a byte order mark; commas; rows end with CRLF or LF. An empty cell is null, in quotes or not, unless the
empty text is one of the column's categories.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from mlyard_shared import cells
from mlyard_shared.columns import ColumnType, Fault, Grammar, texts
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, Schema

from mlyard_model_api.errors import BrokenBody, InputRefused, Problem, TooManyRows
from mlyard_model_api.protocols import rows

_CELL = r'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_RIGHT = re.compile(rf"(?:{_CELL}(?:,|\r?\n))*+{_CELL}")
_SPLIT = re.compile(r'("(?:[^"]++|"")*+"|[^",]*+),')
_LONG_LINE = 100_000
"""Shorter ones are left to the standard library, which takes no cell of more than 131072 characters."""
_NUMBERS = re.compile(rf"(?:(?:{texts.ANY_NUMBER})\n)*+")
_ALL_PLAIN = re.compile("[0-9.eE+,-]*+")
_DECODERS: dict[ColumnType, msgspec.json.Decoder[Any]] = {
    "number": msgspec.json.Decoder(list[float]),
    "integer": msgspec.json.Decoder(list[int]),
}
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "0"), False),
}
_WANTED: dict[ColumnType, str] = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}


def read(body: bytes | bytearray, schema: Schema, grammar: Grammar, *, max_rows: int) -> dict[str, Array]:
    """Return each column of the schema, shape [n], as `mlyard_shared.features` takes it.

    Raises:
        BrokenBody: the body is not such a table.
        InputRefused: the table breaks the schema; holds the first problems.
        TooManyRows: there are more than `max_rows`.
    """
    lines = _lines(_text(body), max_rows + 2)
    where = rows.positions(_header(lines[0], len(schema.columns)), schema, grammar)
    if len(lines) - 1 > max_rows:
        raise TooManyRows(f"there are more than {max_rows} rows")
    rows.check_count(len(lines) - 1, max_rows)
    columns = _columns(lines[1:], len(where))
    arrays: dict[str, Array] = {}
    wrong = rows.FirstProblems()
    for column, position in zip(schema.columns, where, strict=True):
        if wrong.end == 0:
            break
        reader = _Reader(column, grammar)
        values = reader.without_empty(columns[position][: wrong.end])
        try:
            arrays[column.name] = reader.array(values)
        except cells.DoesNotFit:
            wrong.add(rows.value_problems(column, values, reader.fits, reader.faults))
    wrong.refuse()
    return arrays


def _text(body: bytes | bytearray) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenBody(f"the body is not UTF-8 text: byte {error.start} is wrong") from None
    if text.startswith("\ufeff"):
        raise BrokenBody("the body begins with a byte order mark: send UTF-8 without it")
    if '"' not in text and text.count("\r") == text.count("\r\n"):
        return text
    right = _RIGHT.match(text)
    end = right.end() if right is not None else 0
    if end != len(text):
        line = text.count("\n", 0, end) + 1
        raise BrokenBody(f"the body is not CSV (line {line}): quotes stand around a whole cell, and are doubled in it")
    return text


def _lines(text: str, most: int) -> list[str]:
    """The rows, each as it is written, without its end, but at most so many."""
    text = text.removesuffix("\n")
    if not text:
        raise InputRefused([Problem(code="no_rows", message="there must be a header and at least one row")])
    found = list(islice(_whole(text), most)) if '"' in text else text.split("\n", most)[:most]
    return [line.removesuffix("\r") for line in found] if "\r" in text else found


def _whole(text: str) -> Iterator[str]:
    """The rows of a text in which a line break within quotes ends none."""
    start, length = 0, len(text)
    while start <= length:
        end = _line_end(text, start)
        count = text.count('"', start, end)
        while count % 2:
            quote = text.index('"', end)
            end = _line_end(text, quote)
            count += text.count('"', quote, end)
        yield text[start:end]
        start = end + 1


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _header(line: str, width: int) -> list[str]:
    # Of a wrong header not all names are told anyway.
    return _cells(line, most=width + rows.MAX_PROBLEMS)


def _cells(line: str, *, most: int) -> list[str]:
    if '"' not in line:
        return line.split(",", most)
    if len(line) < _LONG_LINE:
        return next(csv.reader([line]))
    found = (match[1] for match in islice(_SPLIT.finditer(f"{line},"), most + 1))
    return [cell[1:-1].replace('""', '"') if cell[:1] == '"' else cell for cell in found]


def _columns(lines: Sequence[str], width: int) -> list[tuple[str, ...]]:
    found = [_cells(line, most=width) for line in lines]
    if set(map(len, found)) == {width}:
        return list(zip(*found, strict=True))
    problems = (
        Problem(code="wrong_shape", message=_uneven(len(row), width), row=number)
        for number, row in enumerate(found)
        if len(row) != width
    )
    raise InputRefused(list(islice(problems, rows.MAX_PROBLEMS)))


def _uneven(count: int, width: int) -> str:
    return f"has {'more' if count > width else count} cells where the header has {width}"


class _Reader:
    """Reads the texts of one column."""

    def __init__(self, column: Column, grammar: Grammar) -> None:
        self._column = column
        self._grammar = grammar
        self._typed = column.type in ("category", "datetime")

    def without_empty(self, values: Sequence[str]) -> Sequence[str | None]:
        """The texts, with None for those that are null."""
        if "" not in values or "" in self._column.codes:
            return values
        return [value or None for value in values]

    def array(self, values: Sequence[str | None]) -> Array:
        """The column's values; raises `DoesNotFit`."""
        known = [value for value in values if value is not None] if None in values else values
        if len(known) < len(values) and not self._column.nullable:
            raise cells.DoesNotFit
        if self._typed:
            return cells.typed(self._column, values, self._grammar)
        try:
            found = iter(self._values(known))
        except (ValueError, KeyError):
            raise cells.DoesNotFit from None
        return cells.typed(self._column, [None if v is None else next(found) for v in values], self._grammar)

    def fits(self, values: Sequence[str | None]) -> bool:
        """Whether all of several texts fit."""
        try:
            self.array(values)
        except cells.DoesNotFit:
            return False
        return True

    def faults(self, values: Sequence[str | None]) -> Iterator[tuple[int, Fault]]:
        """Which of several texts do not fit, and why."""
        if self._typed:
            yield from cells.faults(self._column, values, self._grammar)
            return
        for row, text in enumerate(values):
            try:
                value: Any = None if text is None else texts.value(text, self._column.type)
            except ValueError:
                yield row, Fault("wrong_type", f"must be {_WANTED[self._column.type]}")
                continue
            fault = cells.fault(self._column, value, self._grammar)
            if fault is not None:
                yield row, fault

    def _values(self, known: Sequence[Any]) -> list[Any]:
        """The values of texts, whose limits are not checked; raises `ValueError` and `KeyError`."""
        if self._column.type == "boolean":
            return [_BOOLEANS[text] for text in known]
        # As one text: one by one they would take several times as long.
        together = ",".join(known)
        if _ALL_PLAIN.fullmatch(together) is not None and together.count(",") == len(known) - 1:
            try:
                found: list[Any] = _DECODERS[self._column.type].decode(f"[{together}]")
            # Numbers that JSON spells otherwise, and whole ones with a point.
            except msgspec.DecodeError:
                pass
            else:
                return found
        if _NUMBERS.fullmatch("\n".join([*known, ""])) is None:
            raise ValueError
        return [texts.value(text, self._column.type) for text in known]
