"""The fast way to read rows or columns: into the types of a schema at once, wherever the strict way would say the same.

What it does not take, it does not judge: `documents` and `rows` read it again, and say what is wrong. msgspec refuses
what is not JSON, NaN, infinity and values of another type; what it passes in silence is looked for here. Chosen since
it is the only parser of JSON in Python that checks types as it parses, and keeps integers and numbers apart.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS, ColumnType
from mlyard_shared.features import Array, Table
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Column
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from mlyard_model_api.protocols import columnar
from mlyard_model_api.protocols.documents import has_more_values, strings, strings_among
from mlyard_model_api.protocols.kept import kept

_TYPES: dict[ColumnType, type] = {"integer": int, "number": float, "boolean": bool, "category": str, "datetime": str}
_HOLD_TEXTS = frozenset((str, dict, list))
_ROW = re.compile(r"at `\$\.rows\[([0-9]+)\]")
"""Where msgspec says that a body is wrong."""


class TypedReader:
    """Reads bodies for one schema. Threads may share it."""

    def __init__(self, manifest: Manifest) -> None:
        """Read by the schema and the grammar of a version."""
        schema = manifest.input_schema
        self._grammar = GRAMMARS[manifest.grammar]
        self.layout = columnar.layout_of(schema)
        self._numbers = cells.Numbers(self.layout.numbers, self._grammar)
        names = [column.name for column in schema.columns]
        self._number_positions = [names.index(column.name) for column in self.layout.numbers]
        self._others = [(names.index(column.name), column) for column in self.layout.others]
        self._only_numbers = not self._others
        self._width = len(names)
        self._decoder = _decoder(schema.columns)
        self._columnar = columnar.reader(manifest)

    def read(self, body: bytes | bytearray, *, max_rows: int) -> Table | None:
        """Return the columns of a body, or None where the strict way has to look."""
        found = self.attempt(body, max_rows=max_rows)
        return found if isinstance(found, Table) else None

    def attempt(self, body: bytes | bytearray, *, max_rows: int) -> Table | int | None:
        """Return the columns, or how many rows have the right names and types before the first that has not.

        None where the strict way alone can tell what is wrong: it is no JSON, or a column's name is wrong.
        """
        if self._decoder is None or has_more_values(body, rows=max_rows, columns=self._width):
            return 0
        if len(body) >= columnar.LEAST_BYTES and self._columnar.suits:
            table = self._columnar.read(body, max_rows=max_rows)
            if table is not None:
                return table
        try:
            document = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            message = str(error)
            place = _ROW.search(message)
            if place is None and message.endswith("field - at `$.columns`"):
                return None
            return int(place[1]) if place is not None else 0
        # RecursionError, UnicodeDecodeError and what msgspec raises itself.
        except (ValueError, RecursionError):
            return None
        if document.columns is UNSET and document.rows is not UNSET:
            return self._from_rows(body, document.rows, max_rows) or len(document.rows)
        if document.rows is UNSET and document.columns is not UNSET:
            return self._from_columns(body, astuple(document.columns), max_rows) or 0
        return 0

    def values(self, body: bytes | bytearray, *, max_rows: int) -> dict[str, Sequence[Any]] | None:
        """Return the values of each column as they came, or None where a name is wrong or may have come again."""
        if self._decoder is None or has_more_values(body, rows=max_rows, columns=self._width):
            return None
        try:
            document = self._any_values.decode(body)
        except (ValueError, RecursionError):
            return None
        rows, columns = document.rows, document.columns
        if columns is UNSET and rows is not UNSET and 0 < len(rows) <= max_rows:
            found, names = list(map(list, zip(*map(astuple, rows), strict=True))), len(rows) * self._width
        elif rows is UNSET and columns is not UNSET:
            found, names = list(astuple(columns)), self._width
        else:
            return None
        kinds = [set(map(type, values)) for values in found]
        texts = sum(strings_among(v) for v, kind in zip(found, kinds, strict=True) if not kind.isdisjoint(_HOLD_TEXTS))
        if strings(body) != 1 + names + texts:
            return None
        return dict(zip((column.name for column in self.layout.schema.columns), found, strict=True))

    @cached_property
    def _any_values(self) -> Any:
        return _decoder(self.layout.schema.columns, known=False)

    def _from_rows(self, body: bytes | bytearray, found: list[Any], max_rows: int) -> Table | None:
        count = len(found)
        if not 0 < count <= max_rows:
            return None
        rows = list(map(astuple, found))
        if not self._only_numbers:
            return self._table(body, list(zip(*rows, strict=True)), count, names=count * self._width)
        if strings(body) != 1 + count * self._width:
            return None
        try:
            return Table(self.layout, self._numbers.by_row(rows), {})
        except cells.DoesNotFit:
            return None

    def _from_columns(self, body: bytes | bytearray, columns: Sequence[Any], max_rows: int) -> Table | None:
        lengths = set(map(len, columns))
        count = lengths.pop() if len(lengths) == 1 else 0
        return self._table(body, columns, count, names=self._width) if 0 < count <= max_rows else None

    def _table(self, body: bytes | bytearray, columns: Sequence[Any], count: int, *, names: int) -> Table | None:
        others = [(column, columns[position]) for position, column in self._others]
        texts = sum(count - values.count(None) if column.nullable else count for column, values in others)
        # A name that came again has left its string in the body, and no value in what was read.
        if strings(body) != 1 + names + texts:
            return None
        numbers = columns if self._only_numbers else [columns[position] for position in self._number_positions]
        try:
            block = self._numbers.by_column(numbers, rows=count)
            arrays: dict[str, Array] = {
                column.name: cells.typed(column, values, self._grammar) for column, values in others
            }
        except cells.DoesNotFit:
            return None
        return Table(self.layout, block, arrays)


reader = kept(TypedReader)


def row_decoder(columns: Sequence[Column], *, known: bool) -> Any:
    """A decoder of a single row, of the columns' types or of any; None where a name is none that msgspec takes."""
    try:
        return msgspec.json.Decoder(_struct("Row", columns, known=known))
    except ValueError:
        return None


def _struct(name: str, columns: Sequence[Column], *, known: bool, lists: bool = False) -> Any:
    """An object with a value for each column, or with a list of them; raises `ValueError` where there is none."""
    types: list[Any] = [_TYPES[column.type] | None if column.nullable else _TYPES[column.type] for column in columns]
    types = types if known else [Any] * len(columns)
    fields = [f"x{position}" for position in range(len(columns))]
    return msgspec.defstruct(
        name,
        [(field, list[kind] if lists else kind) for field, kind in zip(fields, types, strict=True)],  # type: ignore[valid-type]
        rename=dict(zip(fields, (column.name for column in columns), strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )


def _decoder(columns: Sequence[Column], *, known: bool = True) -> Any:
    """A decoder of `{"rows": ...}` and `{"columns": ...}`, or None where a name is none that msgspec takes."""
    try:
        row, lists = _struct("Row", columns, known=known), _struct("Columns", columns, known=known, lists=True)
    except ValueError:
        return None
    body = msgspec.defstruct(
        "Body",
        [("rows", list[row] | UnsetType, UNSET), ("columns", lists | UnsetType, UNSET)],  # type: ignore[valid-type]
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(body)
