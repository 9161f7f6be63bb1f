"""A table as its spec means it: features with their types, the target, and who is held out."""

import difflib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from mlyard_shared import features
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.schema import ColumnType, InputForm, Schema
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import holdout, snapshots
from mlyard_training_pipeline.data.columns import Array, infer_type, is_text, missing, text_of, values
from mlyard_training_pipeline.data.schema import input_schema
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun

Class = bool | int | str
MAX_CATEGORIES = 200
"""So many texts a column may have before the spec has to say that it is a category."""


@dataclass(frozen=True)
class Table:
    """What a spec's columns hold, row by row.

    `target` is float64 for a regression and an int64 index into `classes` for a classification. `order` are the times
    of the rows where the spec has an event time, `groups` the texts of its group column.
    """

    columns: dict[str, Array]
    types: dict[str, ColumnType]
    target: Array
    classes: tuple[Class, ...]
    held_out: Array
    rule: HoldoutRule
    groups: Array | None
    order: Array | None
    schema: Schema


class Dataset:
    """A snapshot as its spec means it: what every step after validate works with.

    `target` is float64 for a regression and an int64 index into `classes` for a classification, `held_out` boolean,
    `order` the rows' times as int64 microseconds in UTC (None without an event time), `groups` int32 codes of the
    group column (None without one); each has the shape [rows].
    """

    def __init__(self, table: Table) -> None:
        """Take over what was read."""
        self._columns = table.columns
        self.schema, self.rule, self.classes = table.schema, table.rule, table.classes
        self.target, self.held_out = table.target, table.held_out
        self.rows = len(table.target)
        self.order = None if table.order is None else table.order.astype(np.int64)
        self.groups = None
        if table.groups is not None:
            self.groups = np.unique(table.groups.astype(str), return_inverse=True)[1].astype(np.int32)

    def columns(self, rows: Array | None = None) -> dict[str, Array]:
        """The features as `mlyard_shared.features` takes them: of all rows, or of those of a boolean array."""
        return {name: array if rows is None else array[rows] for name, array in self._columns.items()}

    def matrix(self, rows: Array | None = None, *, precision: Literal["float32", "float64"]) -> Array:
        """The model's inputs as one matrix of numbers, shape [rows, inputs]: `features.matrix` in codes."""
        form = InputForm(encoding="codes", precision=precision)
        return features.matrix(self.columns(rows), self.schema, form)


def load(context: Context, run: TrainingRun, spec: ModelSpec) -> Dataset:
    """The Dataset of a training."""
    return Dataset(read(snapshots.load(context, run.snapshot), spec))


def read(arrow: Any, spec: ModelSpec) -> Table:
    """Read an Arrow table as the spec means it.

    Raises:
        TableError: column and row that do not fit, and what would be right.
    """
    check_columns(spec, arrow.column_names)
    types = {name: _type(arrow, spec, name) for name in feature_names(spec, arrow.column_names)}
    columns = {name: values(name, arrow[name], kind) for name, kind in types.items()}
    for name, array in columns.items():
        _check_feature(name, array, types[name], spec)
    target, classes = _target(arrow, spec)
    order = values(spec.event_time, arrow[spec.event_time], "datetime") if spec.event_time else None
    _refuse_nulls(arrow, spec, order)
    rule = holdout.rule(spec, arrow.column_names, order)
    held_out = holdout.members(arrow, rule, event_time=spec.event_time)
    holdout.check(held_out, target, classes, spec)
    schema = input_schema(columns, types, spec.features, training=~held_out)
    groups = np.array(text_of(arrow[spec.group]), dtype=object) if spec.group else None
    return Table(columns, types, target, classes, held_out, rule, groups, order, schema)


def feature_names(spec: ModelSpec, names: list[str]) -> list[str]:
    """The columns that the model sees, in the table's order, or in the spec's where it lists them."""
    if spec.features.use:
        return list(spec.features.use)
    known = {spec.target, *spec.identifying_columns, spec.event_time, *spec.features.leave_out}
    left = [name for name in names if name not in known]
    if not left:
        raise TableError("no column is left for the model to see: features.leave_out and the key take all of them")
    return left


def columns_for(arrow: Any, schema: Schema) -> dict[str, Array]:
    """The columns of another version's schema, read by its types.

    Raises:
        TableError: the table lacks one, or holds what the type does not take.
    """
    absent = [column.name for column in schema.columns if column.name not in arrow.column_names]
    if absent:
        raise TableError(f"the table has no column {absent[0]!r} any more")
    return {column.name: values(column.name, arrow[column.name], column.type) for column in schema.columns}


def check_columns(spec: ModelSpec, names: list[str]) -> None:
    """Hold that every column that the spec names is in the table.

    Raises:
        TableError: the keys and names that are not, and the nearest names that are.
    """
    chosen = spec.features
    named: dict[str, tuple[str, ...]] = {
        "target": (spec.target,),
        "key": spec.key,
        "group": (spec.group,) if spec.group else (),
        "event_time": (spec.event_time,) if spec.event_time else (),
        "features.use": chosen.use,
        "features.leave_out": chosen.leave_out,
        "features.types": tuple(chosen.types),
        "features.dates": tuple(chosen.dates),
        "features.unseen": tuple(chosen.unseen),
    }
    problems = []
    for key, columns in named.items():
        for column in (column for column in columns if column not in names):
            close = difflib.get_close_matches(column, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}"
            problems.append(f"{key}: the table has no column {column!r}; {hint}")
    if problems:
        raise TableError("; ".join(problems))


def _type(arrow: Any, spec: ModelSpec, name: str) -> ColumnType:
    return spec.features.types.get(name) or infer_type(name, arrow[name])


def _check_feature(name: str, array: Array, kind: ColumnType, spec: ModelSpec) -> None:
    null = missing(array)
    leave_out = "add it to features.leave_out"
    if null.all():
        raise TableError(f"column {name!r} is empty: {leave_out}")
    distinct = len(set(array[~null].tolist()))
    if distinct == 1 and (kind != "category" or not null.any()):
        raise TableError(f"column {name!r} has one value in every row, which tells a model nothing: {leave_out}")
    if kind != "category" or name in spec.features.types:
        return
    if distinct > min(MAX_CATEGORIES, max(20, len(array) // 2)):
        raise TableError(
            f"column {name!r} has {distinct} different texts in {len(array)} rows: {leave_out}, or, if each stands for "
            f'something that comes again, say features.types.{name} = "category"'
        )


def _target(arrow: Any, spec: ModelSpec) -> tuple[Array, tuple[Class, ...]]:
    name, column = spec.target, arrow[spec.target]
    kind = spec.features.types.get(name) or infer_type(name, column)
    if spec.task == "regression":
        if kind not in ("integer", "number"):
            raise TableError(f"column {name!r}, the target, holds {kind} values, but a regression needs numbers")
        array = values(name, column, "number")
        _refuse_null(name, missing(array), "the target")
        if np.ptp(array) == 0:
            raise TableError(f"column {name!r}, the target, has one value in every row: there is nothing to learn")
        return array, ()
    if kind == "number":
        raise TableError(
            f"column {name!r}, the target, holds numbers with fractions, but a class is text, integer or boolean: "
            f'use task = "regression", or say features.types.{name} = "category"'
        )
    labels: list[Class] = _labels(name, column, kind)
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise TableError(f"column {name!r}, the target, has one class in every row: there is nothing to learn")
    index = {label: position for position, label in enumerate(classes)}
    return np.array([index[label] for label in labels], dtype=np.int64), classes


def _labels(name: str, column: Any, kind: ColumnType) -> list[Any]:
    array = values(name, column, "category" if kind == "datetime" else kind)
    _refuse_null(name, missing(array), "the target")
    if kind == "integer":
        return [int(value) for value in array]
    if kind == "boolean":
        return [bool(value) for value in array]
    return list(array)


def _refuse_nulls(arrow: Any, spec: ModelSpec, order: Array | None) -> None:
    for name in spec.identifying_columns:
        column = arrow[name]
        null = (
            np.array([text is None for text in text_of(column)])
            if column.null_count or not is_text(column.type)
            else None
        )
        if null is not None:
            _refuse_null(name, null, "which says which row it is")
    if order is not None:
        _refuse_null(str(spec.event_time), missing(order), "the event time")


def _refuse_null(name: str, null: Array, role: str) -> None:
    if null.any():
        count = f"; so are {int(null.sum()) - 1} more" if null.sum() > 1 else ""
        raise TableError(
            f"column {name!r}, {role}: row {int(np.argmax(null)) + 1} is empty{count}: fill it or take the row out"
        )
