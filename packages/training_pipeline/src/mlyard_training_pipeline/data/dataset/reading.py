"""One column of a snapshot, read as its type into a file of arrays; a type that is not said is found on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from mlyard_shared.columns import ColumnType
from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.columns import Cells, doubts, inference, readings
from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.columns.doubts import Evidence
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.values import Fault, Reader
from mlyard_training_pipeline.data.dataset.arrays import ArrayWriter, Kind, Place
from mlyard_training_pipeline.data.dataset.facts import Facts
from mlyard_training_pipeline.data.table import Column

KINDS: dict[ColumnType, Kind] = {
    "integer": "float64",
    "number": "float64",
    "boolean": "float64",
    "datetime": "int64",
    "category": "int32",
}
MakeFacts = Callable[[ColumnType], Facts]


@dataclass
class ColumnRead:
    """A column that was read: where its values are, what is known of them, and what is wrong with them.

    `null` are the rows without a value, `categories` the texts by their codes. `evidence` is what the texts say where
    not all of them fit a type. `grouped` says that the decimals of all numbers may as well be thousands, and `endless`
    that there are so many different texts that reading was given up.
    """

    name: str
    facts: Facts
    null: Mask
    place: Place = field(default_factory=lambda: Place("int32", -1))
    categories: Any = None
    faults: dict[str, Fault] = field(default_factory=dict)
    evidence: Evidence | None = None
    grouped: bool = False
    endless: bool = False

    @property
    def type(self) -> ColumnType:
        """The type that it was read as."""
        return self.facts.type


def read(
    column: Column, said: ColumnType | None, form: NumberForm, arrays: ArrayWriter, facts: MakeFacts, training: Mask
) -> ColumnRead:
    """Read a column.

    Args:
        column: of the snapshot.
        said: the type that the spec names, if it does.
        form: how numbers are written in texts.
        arrays: where the values go.
        facts: makes what keeps the facts of a column of a type.
        training: the rows that are trained on, shape [rows].

    Raises:
        TableError: it is stored as something that a model does not take.
    """
    if said is not None or not pa.types.is_string(column.kind):
        kind = said or _stored_type(column)
        return _read(column, Reader(kind, form), facts(kind), arrays, training)
    kind = _first_type(column, form)
    try:
        return _infer(column, kind, form, facts(kind), arrays, training)
    except _TypeEndsError:
        evidence = gather(column, form)
    found = _infer(column, evidence.type, form, facts(evidence.type), arrays, training)
    found.evidence = evidence
    return found


def gather(column: Column, form: NumberForm) -> Evidence:
    """What all texts of a column say about its type."""
    evidence = Evidence(form)
    for cells in column.runs():
        evidence.add(cells.values, cells.counts)
    return evidence


class _TypeEndsError(Exception):
    """A text does not fit the type that those before it have."""


class _EndlessError(Exception):
    """There are more different texts than say anything."""


def _stored_type(column: Column) -> ColumnType:
    kind = inference.stored_type(column.kind)
    if kind is None:
        raise TableError(f"holds {column.kind}, which a model does not take")
    return kind


def _first_type(column: Column, form: NumberForm) -> ColumnType:
    """The type of the first texts that are there."""
    for cells in column.runs():
        if cells.values.null_count < len(cells.values):
            return inference.narrowest(cells, form)
    return "category"


def _read(
    column: Column,
    reader: Reader,
    facts: Facts,
    arrays: ArrayWriter,
    training: Mask,
    look: Callable[[Cells], None] = lambda _: None,
) -> ColumnRead:
    null = np.zeros(column.table.rows, dtype=bool)
    with arrays.column(KINDS[reader.kind]) as writer:
        for cells in column.runs():
            look(cells)
            rows = slice(cells.start, cells.start + len(cells))
            values = reader.read(cells)
            null[rows] = facts.add(values, training[rows])
            writer.append(values)
    return ColumnRead(column.name, facts, null, writer.place, reader.categories.texts, reader.faults)


def _infer(
    column: Column, kind: ColumnType, form: NumberForm, facts: Facts, arrays: ArrayWriter, training: Mask
) -> ColumnRead:
    reader = Reader(kind, form, checked=True)
    seen = _Inference(reader, facts, form)
    try:
        found = _read(column, reader, facts, arrays, training, seen.look)
    except _EndlessError:
        null = np.zeros(0, dtype=bool)
        return ColumnRead(column.name, facts, null, evidence=gather(column, form), endless=True)
    found.grouped = seen.grouped and facts.type == "number"
    if reader.kind == "category":
        found.evidence = Evidence(form)
        found.evidence.add(found.categories, facts.counts)
    return found


class _Inference:
    """Looks at each run of a column before it is read, and lets its type become wider where that is stored alike."""

    def __init__(self, reader: Reader, facts: Facts, form: NumberForm) -> None:
        self._reader, self._facts, self._form = reader, facts, form
        self.grouped = form.is_plain and reader.kind in ("integer", "number")

    def look(self, cells: Cells) -> None:
        kind = inference.widened(self._reader.kind, cells, self._form)
        if kind is None or (kind != self._reader.kind and self._reader.faults):
            raise _TypeEndsError
        self._reader.kind = self._facts.type = kind
        if kind == "category" and len(self._reader.categories) > doubts.SAMPLE:
            raise _EndlessError
        self.grouped = self.grouped and readings.looks_grouped(cells.values)
