"""The Dataset: its columns on disk, and what a model sees of them."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.compute as pc
from mlyard_shared import features
from mlyard_shared.columns import MISSING
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import holdout, holdout1
from mlyard_training_pipeline.data.columns import Array, canonical
from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.values import Reader
from mlyard_training_pipeline.data.dataset.arrays import ArrayReader, Place
from mlyard_training_pipeline.data.dataset.layout import Layout
from mlyard_training_pipeline.data.table import Table


class Values:
    """A column's stored values, and the texts of its codes where it is a category."""

    def __init__(self, values: Array, texts: tuple[str, ...] = ()) -> None:
        """Take values as they are stored, of all rows or of some."""
        self._values, self._texts = values, texts

    def plain(self, column: Column) -> Array:
        """The column as `mlyard_shared.features` takes it."""
        if column.type == "datetime":
            return self._values.view("datetime64[us]")
        return self._values if column.type != "category" else self._by_code([*self._texts, None], object)

    def codes(self, column: Column) -> Array:
        """The positions of a category's texts in the schema, as `mlyard_shared.features.codes` has them."""
        known = [column.codes.get(text, -1) for text in self._texts]
        return self._by_code([*known, len(column.categories)], np.float64)

    def _by_code(self, found: list[Any], kind: Any) -> Array:
        # The last is that of null, whose code is -1.
        table = np.empty(len(found), dtype=kind)
        table[:] = found
        return table[self._values]


class Dataset:
    """A snapshot as its spec means it. `names` are all of its columns, and `schema` has those that a model sees.

    `target` is float64 for a regression and an int64 index into `classes` for a classification, `held_out` and
    `training` boolean, `order` the rows' times as int64 microseconds in UTC (None without an event time), `groups`
    int32 codes of the group column (None without one), `weights` float64 (None where every row counts alike); each has
    the shape [rows].
    """

    def __init__(self, folder: Path, layout: Layout, spec: ModelSpec, snapshot: Callable[[], Path]) -> None:
        """Read nothing yet.

        Args:
            folder: of the arrays.
            layout: what they are.
            spec: says how the texts of other columns are read.
            snapshot: gives the file that the Dataset was made of, which only a champion of another schema needs.
        """
        self.schema, self.classes, self.rule = layout.input_schema, layout.classes, layout.rule
        self.rows, self.names = layout.rows, layout.names
        self._arrays, self._layout, self._spec, self._snapshot = ArrayReader(folder), layout, spec, snapshot
        self._stored = {column.name: column for column in layout.columns}

    @cached_property
    def target(self) -> Array:
        return self._arrays.column(self._layout.target)

    @cached_property
    def held_out(self) -> Mask:
        return self._arrays.column(self._layout.held_out)

    @cached_property
    def training(self) -> Mask:
        """The rows that are trained on: not held out, nor within the embargo before those that are."""
        return holdout.trained(self.held_out, self.order, self._spec.holdout.embargo_time)

    @cached_property
    def order(self) -> Array | None:
        return self._optional(self._layout.order)

    @cached_property
    def groups(self) -> Array | None:
        return self._optional(self._layout.groups)

    @cached_property
    def weights(self) -> Array | None:
        return self._optional(self._layout.weights)

    @cached_property
    def table(self) -> Table:
        """The snapshot's file."""
        return Table(self._snapshot())

    def values(self, column: Column, rows: Mask | None = None) -> Values:
        """The stored values of a feature: of all rows, or of those of a boolean array."""
        stored = self._stored[column.name]
        values = self._arrays.column(stored.place)
        return Values(values if rows is None else values[rows], stored.categories)

    def columns(self, rows: Mask | None = None) -> dict[str, Array]:
        """The features as `mlyard_shared.features` takes them: of all rows, or of those of a boolean array."""
        return {column.name: self.values(column, rows).plain(column) for column in self.schema.columns}

    def matrix(self, rows: Mask | None = None, *, precision: Literal["float32", "float64"]) -> Array:
        """The model's inputs as one matrix of numbers, shape [rows, inputs]: `features.matrix` in codes."""
        return _matrix({c.name: self.values(c, rows) for c in self.schema.columns}, self.schema, np.dtype(precision))

    def columns_for(self, schema: Schema, rows: Mask) -> dict[str, Array]:
        """The columns of another version's schema as `mlyard_shared.features` takes them.

        Raises:
            TableError: the table lacks one, or holds what its type does not take.
        """
        return {column.name: self._other(column, rows).plain(column) for column in schema.columns}

    def members(self, rule: HoldoutRule, earlier: Callable[[], Path]) -> Mask:
        """Which rows the rule of any version of the model holds out.

        Args:
            rule: of the version.
            earlier: gives the file of what the version was trained on, which only a rule of contract 1 needs.

        Raises:
            TableError: the table does not allow to say so, and why.
        """
        # Of a stratified holdout the rule names only the rows that are held out whatever the other rows are.
        if rule == self.rule and not self._spec.holdout.stratify:
            return self.held_out
        if rule.by == "hash" and rule.hash_name == "sha256":
            holdout.check_columns(self.table, rule)
            return holdout1.members(self.table, rule, Table(earlier()))
        return holdout.members(self.table, rule, NumberForm.of(self._spec.source))

    def texts_of(self, name: str, rows: Mask) -> Array:
        """The canonical texts of any column of the table, with the word for null: of the rows of a boolean array.

        Raises:
            TableError: its cells have no texts.
        """
        if not canonical.is_spelled(kind := self.table.column(name).kind):
            raise TableError(f"column {name!r} holds {kind}, whose values have no names")
        form, parts = NumberForm.of(self._spec.source), []
        for cells in self.table.runs(name):
            texts = pc.fill_null(canonical.key_texts(cells.values, form), MISSING)
            every = cells.spread(texts.to_numpy(zero_copy_only=False).astype(object), MISSING)
            parts.append(every[rows[cells.start : cells.start + len(cells)]])
        return np.concatenate(parts)

    def _optional(self, place: Place | None) -> Array | None:
        return None if place is None else self._arrays.column(place)

    def _other(self, column: Column, rows: Mask) -> Values:
        """A column by the type that another schema gives it."""
        stored = self._stored.get(column.name)
        if stored is not None and stored.type == column.type:
            return self.values(column, rows)
        if column.name not in self.table.names:
            raise TableError(f"the table has no column {column.name!r} any more")
        reader = Reader(column.type, NumberForm.of(self._spec.source))
        try:
            parts = [reader.read(cells)[rows[cells.start : cells.start + len(cells)]] for cells in self._runs(column)]
        except TableError as error:
            raise TableError(f"column {column.name!r} {error}") from None
        for fault in reader.faults.values():
            raise TableError(f"column {column.name!r}, row {fault.row}: {fault.shown} is not of type {column.type}")
        return Values(np.concatenate(parts), tuple(reader.categories.texts.to_pylist()))

    def _runs(self, column: Column) -> Any:
        return self.table.runs(column.name)


def _matrix(values: Mapping[str, Values], schema: Schema, precision: np.dtype[Any]) -> Array:
    """The inputs of a schema side by side, one column at a time; the same as `features.matrix` makes of texts."""
    result: Array | None = None
    for position, array in enumerate(_inputs(values, schema)):
        if result is None:
            result = np.empty((len(array), len(schema.input_names)), dtype=precision)
        result[:, position] = array
    assert result is not None  # noqa: S101 - a schema has columns
    return result


def _inputs(values: Mapping[str, Values], schema: Schema) -> Iterator[Array]:
    for column in schema.columns:
        found = values[column.name]
        if column.type == "datetime":
            for part in schema.parts(column.name):
                yield features.date_part(found.plain(column), part)
        else:
            yield found.codes(column) if column.type == "category" else found.plain(column)
