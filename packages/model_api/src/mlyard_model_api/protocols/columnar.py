"""The fastest way to read columns of numbers: from the text into arrays, with no Python object for each of them.

What it does not take, it does not judge, but for names and single values: `typed`, `documents` and `rows` read it
again. Chosen since simdjson is the only parser for Python that hands out an array's numbers as one buffer; that takes a
third of the time that the way over Python's floats does. It reads JSON as RFC 8259 has it, numbers to the nearest
float64, and passes in silence only what is looked for here: names that come again, lists in lists, and a byte order
mark.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import simdjson
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.features import Array, Layout, Table
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Column

from mlyard_model_api.protocols import rows
from mlyard_model_api.protocols.documents import as_object, check_parts, count_of
from mlyard_model_api.protocols.kept import kept

LEAST_BYTES = 4096
"""Of a shorter body `typed` makes a table in less time."""
MOST_COLUMNS = 256
"""Of more it does, too: simdjson looks for each name from the first on."""
KEPT_BYTES = 1024**2
"""The memory for a body up to this size is kept for the next one."""
_MOST_PARTS = 600
"""So many lists and objects cannot be nested too deep."""
_BEGIN = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"columns"')

_parsers: list[Any] = []

layout_of = kept(Layout)
"""One for all readers, whose tables are put together by it."""


class ColumnarReader:
    """Reads `{"columns": ...}` for one schema. Threads may share it."""

    def __init__(self, manifest: Manifest) -> None:
        """Read by the schema and the grammar of a version."""
        self._grammar = GRAMMARS[manifest.grammar]
        self._layout = layout = layout_of(manifest.input_schema)
        self._checks = cells.Numbers(layout.numbers, self._grammar)
        names = [column.name for column in layout.schema.columns]
        self._names = frozenset(names)
        self._only_floats = all(column.type == "number" for column in layout.numbers)
        # Of texts it has to make objects, too.
        self.suits = len(layout.numbers) >= len(layout.others) and len(names) <= MOST_COLUMNS
        self._brackets = 2 + "".join(names).count("{"), len(names) + "".join(names).count("[")

    def read(self, body: bytes | bytearray, *, max_rows: int) -> Table | None:
        """Return the columns of a body, or None where another reader has to look.

        Raises:
            InputRefused: there is more than columns, or these have wrong names, lengths or values and are right else.
            TooManyRows: there are more than `max_rows`.
        """
        if _BEGIN.match(body) is None or b"\\" in body:
            return None
        # As there are no escapes, more of these than there are in names stand for a value within a value.
        braces, brackets = self._brackets
        is_flat = _comes(body, b"{", braces) and _comes(body, b"[", brackets)
        if not is_flat and count_of(body, b"{") + count_of(body, b"[") > _MOST_PARTS:
            return None
        parser = _parsers.pop() if _parsers else simdjson.Parser()
        try:
            document = parser.parse(body)
            columns = self._columns(document, body, max_rows)
            table = self._table(columns, max_rows) if is_flat and columns is not None else None
        # What simdjson raises for what is not JSON, and for numbers beyond its own.
        except (ValueError, RuntimeError, cells.DoesNotFit):
            return None
        if len(body) <= KEPT_BYTES:
            document = columns = None
            _parsers.append(parser)
        return table

    def _columns(self, document: Any, body: bytes | bytearray, max_rows: int) -> dict[str, Any] | None:
        """The values of each column; raises `InputRefused` where there are other keys, or other names."""
        if len(document) != 1:
            check_parts(body, rows=max_rows, columns=len(self._names))
            rows.content_of(as_object([(key, None) for key in document]))
        columns = document["columns"]
        if type(columns) is not simdjson.Object:
            return None
        given = list(columns)
        found: dict[str, Any] = {name: columns[name] for name in given}
        if set(map(type, found.values())) != {simdjson.Array}:
            return None
        if len(given) == len(self._names) and found.keys() == self._names:
            return found
        # Of a name that comes again the first value was looked at, and not those that come later.
        kinds: set[Any] = set(map(type, columns.values())) if len(given) > len(found) else {list}
        if kinds == {list}:
            check_parts(body, rows=max_rows, columns=len(self._names))
            rows.positions(given, self._layout.schema, self._grammar)
        return None

    def _table(self, found: dict[str, Any], max_rows: int) -> Table | None:
        try:
            table = self._put_together(found, max_rows)
        except cells.DoesNotFit:
            table = None
        if table is None:
            self._refuse(found, max_rows)
        return table

    def _refuse(self, found: dict[str, Any], max_rows: int) -> None:
        """Refuse columns of other lengths, or values that do not fit; raises `InputRefused` and `TooManyRows`."""
        rows.check_lengths({column.name: len(found[column.name]) for column in self._layout.schema.columns}, max_rows)
        wrong = rows.FirstProblems()
        for column in self._layout.schema.columns:
            if wrong.end == 0:
                break
            values = found[column.name]
            try:
                if column.name in self._layout.rows:
                    part = np.frombuffer(self._part(column, values)).reshape(1, -1)
                    cells.Numbers([column], self._grammar).checked(part)
                    continue
            # It may fit all the same.
            except cells.DoesNotFit:
                pass
            listed = values.as_list()
            try:
                cells.array(column, listed, self._grammar)
            except cells.DoesNotFit:
                wrong.add(rows.cell_problems(column, listed[: wrong.end], self._grammar))
        wrong.refuse()

    def _put_together(self, found: dict[str, Any], max_rows: int) -> Table | None:
        """The table of the columns; raises `DoesNotFit`."""
        block = self._block([found[column.name] for column in self._layout.numbers], max_rows)
        if block is None:
            return None
        others = {
            column.name: cells.array(column, found[column.name].as_list(), self._grammar)
            for column in self._layout.others
        }
        if any(len(values) != block.shape[1] for values in others.values()):
            return None
        return Table(self._layout, self._checks.checked(block), others)

    def _block(self, given: Sequence[Any], max_rows: int) -> Array | None:
        """The numbers of the columns, float64 [columns, n]; raises `DoesNotFit`."""
        parts: list[Any] = []
        try:
            if self._only_floats:
                parts = [memoryview(values.as_buffer(of_type="d")) for values in given]
        except (TypeError, ValueError):
            pass
        if not parts:
            parts = list(map(self._part, self._layout.numbers, given))
        sizes = {part.nbytes for part in parts}
        size = sizes.pop() if len(sizes) == 1 else 0
        if not 0 < size <= 8 * max_rows:
            return None
        return np.frombuffer(b"".join(parts)).reshape(len(parts), -1)

    def _part(self, column: Column, values: Any) -> Array | memoryview:
        """The values of a column, float64 [n]; raises `DoesNotFit`."""
        try:
            if column.type == "number":
                return memoryview(values.as_buffer(of_type="d"))
            if column.type == "integer":
                # What rounds to another integer lies beyond the limits.
                return np.frombuffer(values.as_buffer(of_type="i"), dtype=np.int64).astype(np.float64)
        # Nulls, values of another type, and integers beyond 64 bits.
        except (TypeError, ValueError):
            pass
        return cells.array(column, values.as_list(), self._grammar)


def _comes(body: bytes | bytearray, byte: bytes, times: int) -> bool:
    """Whether a byte comes so often in a body: for so few, to look for each is faster than to count them."""
    place = -1
    for _ in range(times):
        place = body.find(byte, place + 1)
        if place < 0:
            return False
    return body.find(byte, place + 1) < 0


reader = kept(ColumnarReader)
