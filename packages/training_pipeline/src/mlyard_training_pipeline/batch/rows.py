"""The snapshot of a job's table, chunk by chunk, as a version takes it, and the cells that it does not take."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from mlyard_shared.errors import TableError
from mlyard_shared.schema import Column, Schema
from pyarrow import parquet

from mlyard_training_pipeline.data.columns.categories import NULL as NO_CATEGORY
from mlyard_training_pipeline.data.columns.cells import Array, Cells, Mask
from mlyard_training_pipeline.data.columns.dates import NULL as NO_DATE
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.values import Reader, shown

_SAID = {
    "out_of_range": "is beyond what a model can compute with",
    "not_finite": "is not a finite number",
    "bad_text": "is not a text that a category can be",
    "text_too_long": "is too long for a category",
    "unseen_category": "is not one of the categories that the model was trained on",
    "null": "is missing, and the model needs it",
}
_WANTED = {
    "boolean": "is not true or false",
    "integer": "is not an integer",
    "number": "is not a number",
    "datetime": "is not an ISO 8601 date, such as 2026-01-31 or 2026-01-31T12:00:00Z",
    "category": "is not a text",
}


class Refusal(NamedTuple):
    """A cell that the model does not take; `row` counts from 1, and `column` is empty where the whole row is meant."""

    row: int
    column: str
    problem: str

    def __str__(self) -> str:
        where = f"row {self.row}, column {self.column!r}" if self.column else f"row {self.row}"
        return f"{where}: {self.problem}"


class Chunk(NamedTuple):
    """Consecutive rows: `columns` as `mlyard_shared.features` takes them, and the rows' ids as Arrow arrays by name.

    `first` counts from 0, `wrong` are the rows that are refused, and `refusals` says why, of some or of all of them.
    """

    first: int
    rows: int
    columns: dict[str, Array]
    ids: dict[str, Any]
    wrong: Mask
    refusals: list[Refusal]


class Chunks:
    """The row groups of a snapshot."""

    def __init__(
        self, file: Path, schema: Schema, form: NumberForm, ids: tuple[str, ...], *, told: int | None = None
    ) -> None:
        """Open a snapshot, whose texts are numbers in this form; `told` is how many cells of a column are explained."""
        facts = parquet.read_metadata(file)
        self._file = parquet.ParquetFile(file, metadata=facts, pre_buffer=False)
        self._schema, self._form, self._ids, self._told = schema, form, ids, told
        counts = [facts.row_group(group).num_rows for group in range(facts.num_row_groups)]
        self._starts = [0, *np.cumsum(counts).tolist()]
        self.rows, self.count = facts.num_rows, len(counts)

    @property
    def id_types(self) -> dict[str, Any]:
        """The Arrow types of the columns that tell rows apart."""
        return {name: self._file.schema_arrow.field(name).type for name in self._ids}

    def read(self, number: int) -> Chunk:
        """Read one chunk.

        Raises:
            TableError: a column is stored as something that is not of its type.
        """
        first, names = self._starts[number], [column.name for column in self._schema.columns]
        table = self._file.read_row_group(number, columns=list({*names, *self._ids}))
        columns: dict[str, Array] = {}
        wrong = np.zeros(table.num_rows, dtype=bool)
        refusals: list[Refusal] = []
        for column in self._schema.columns:
            cells = Cells.of(_array(table, column.name), first)
            try:
                found = _read(cells, column, self._form)
            except TableError as error:
                raise TableError(f"column {column.name!r} {error}") from None
            columns[column.name] = found.values
            for code, rows in found.faults:
                wrong |= rows
                refusals += _refusals(code, np.flatnonzero(rows)[: self._told], cells, column)
        ids = {name: _array(table, name) for name in self._ids}
        return Chunk(first, table.num_rows, columns, ids, wrong, sorted(refusals))


class _Read(NamedTuple):
    values: Array
    faults: list[tuple[str, Mask]]


def _read(cells: Cells, column: Column, form: NumberForm) -> _Read:
    """A column's values, and the rows that break the grammar or the schema, by the code of their fault."""
    reader = Reader(column.type, form)
    parsed = reader.parse(cells)
    faults = [(code, mask) for code, mask in parsed.faults if mask.any()]
    values = parsed.values
    missing = _missing(column, values)
    for _, mask in faults:
        missing = missing & ~mask
    if not column.nullable and missing.any():
        faults.append(("null", missing))
    if column.type == "category":
        texts = reader.categories.texts.to_pylist() if not faults else _readable(reader.categories.texts)
        if column.unseen == "refuse":
            unknown = np.array([text not in column.codes for text in texts] + [False], dtype=bool)[values]
            for _, mask in faults:
                unknown = unknown & ~mask
            if unknown.any():
                faults.append(("unseen_category", unknown))
        named = np.empty(len(texts) + 1, dtype=object)
        named[:] = [*texts, None]
        values = named[values]
    elif column.type == "datetime":
        values = values.view("datetime64[us]")
    return _Read(values, faults)


def _missing(column: Column, values: Array) -> Mask:
    if column.type == "category":
        return np.asarray(values == NO_CATEGORY)
    return np.asarray(values == NO_DATE if column.type == "datetime" else np.isnan(values))


def _readable(texts: Any) -> list[str]:
    return [octets.decode("utf-8", "replace") for octets in texts.cast(pa.binary()).to_pylist()]


def _refusals(code: str, rows: Array, cells: Cells, column: Column) -> Iterator[Refusal]:
    said = _SAID.get(code, _WANTED[column.type])
    for row in rows.tolist():
        value = "" if code == "null" else f"{shown(cells.values[row])} "
        yield Refusal(cells.start + row + 1, column.name, f"{value}{said}")


def _array(table: Any, name: str) -> Any:
    chunks = table.column(name).combine_chunks()
    return chunks.chunk(0) if isinstance(chunks, pa.ChunkedArray) else chunks
