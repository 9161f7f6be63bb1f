"""Makes the Dataset of a snapshot: every column read once, as the spec means it, and every problem named at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.schema import Schema
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.columns.doubts import SAMPLE
from mlyard_training_pipeline.data.dataset import number_forms, roles
from mlyard_training_pipeline.data.dataset.arrays import ArrayWriter
from mlyard_training_pipeline.data.dataset.layout import FILE, Layout, StoredColumn
from mlyard_training_pipeline.data.dataset.making import Making
from mlyard_training_pipeline.data.dataset.reading import ColumnRead
from mlyard_training_pipeline.data.dataset.refusals import Refusals
from mlyard_training_pipeline.data.dataset.schema import input_schema
from mlyard_training_pipeline.data.dataset.selection import select
from mlyard_training_pipeline.data.dataset.targets import check_sides, read_target, strata
from mlyard_training_pipeline.data.dataset.weights import read_weights
from mlyard_training_pipeline.data.holdout import HashName
from mlyard_training_pipeline.data.problems import Problems
from mlyard_training_pipeline.data.table import Table

MAX_CATEGORIES = 200
"""At most this many different texts a column may have before the spec has to say that it is a category."""


def build(
    table: Table,
    spec: ModelSpec,
    folder: Path,
    *,
    problems: Problems | None = None,
    hash_name: HashName = "siphash24",
) -> Layout:
    """Write the Dataset into a folder.

    Args:
        table: the snapshot.
        spec: what it is meant as.
        folder: is there, and empty.
        problems: where problems are noted, for a caller who knows what to do about them.
        hash_name: what rows are hashed by to hold some out.

    Raises:
        TableError: every column and row that does not fit, and what would be right.
    """
    problems = Problems(spec) if problems is None else problems
    roles.check(spec, table.names, problems)
    problems.check()
    with ArrayWriter(folder, table.rows) as arrays:
        layout = _layout(Making(table, spec, arrays, problems, hash_name))
    problems.check()
    assert layout is not None  # noqa: S101 - what it lacks is a problem
    (folder / FILE).write_text(layout.model_dump_json(), encoding="utf-8")
    return layout


def _layout(making: Making) -> Layout | None:
    target = read_target(making) if making.spec.holdout.stratify else None
    selection = select(making, None if target is None else strata(making, target))
    if not making.spec.holdout.stratify:
        target = read_target(making)
    elif target is not None and selection is not None:
        check_sides(making, target)
    weights = read_weights(making)
    names = roles.feature_names(making.spec, making.table.names)
    columns = [found for name in names if (found := _feature(making, name)) is not None]
    number_forms.check(making, columns)
    if selection is None or target is None or making.problems:
        return None
    schema = _schema(making, columns)
    if schema is None:
        return None
    return Layout(
        rows=making.table.rows,
        names=tuple(making.table.names),
        columns=tuple(_stored(column) for column in columns),
        target=target.place,
        classes=target.classes,
        held_out=selection.held_out,
        order=selection.order,
        groups=selection.groups,
        weights=weights,
        rule=selection.rule,
        input_schema=schema,
    )


def _feature(making: Making, name: str) -> ColumnRead | None:
    """Read a feature, and note what is wrong with it."""
    said = making.spec.features.types.get(name)
    found = making.read(name, said, may_go=True)
    if found is None:
        return None
    column, refusals = making.table.column(name), Refusals(making.problems, making.form)
    if refusals.doubts(column, found, may_be_null=True, may_go=True):
        return found
    refusals.faults(column, found, may_be_null=True, may_go=True)
    if found.endless:
        making.problems.add(f"column {name!r} has more than {SAMPLE} different texts", leave_out=name)
    elif not found.faults:
        _check(making, found, counted=said is None)
    return found


def _check(making: Making, found: ColumnRead, *, counted: bool) -> None:
    """Note a column that tells a model nothing, or too much to learn it by heart."""
    facts, rows, name = found.facts, making.table.rows, found.name
    if facts.nulls == rows:
        making.problems.add(f"column {name!r} is empty", leave_out=name)
    elif facts.training and facts.training_nulls == facts.training:
        making.problems.add(f"column {name!r} is empty in every row that is trained on", leave_out=name)
    elif facts.is_constant and (found.type != "category" or facts.nulls == 0):
        making.problems.add(f"column {name!r} has one value in every row, which tells a model nothing", leave_out=name)
    elif found.type == "category" and counted and len(found.categories) > min(MAX_CATEGORIES, max(20, rows // 2)):
        making.problems.add(
            f"column {name!r} has {len(found.categories)} different texts in {rows} rows",
            types=[(name, "category", "if each stands for something that comes again")],
            leave_out=name,
        )


def _schema(making: Making, columns: Sequence[ColumnRead]) -> Schema | None:
    roles.check_types(making.spec, {column.name: column.type for column in columns}, making.problems)
    row = _fullest_row(making, columns)
    examples: dict[str, Any] = {
        column.name: making.arrays.read(column.place, slice(row, row + 1))[0] for column in columns
    }
    return input_schema(columns, examples, making.spec, making.problems)


def _fullest_row(making: Making, columns: Sequence[ColumnRead]) -> int:
    """The first training row with the fewest nulls."""
    nulls = np.zeros(making.table.rows, dtype=np.uint16)
    for column in columns:
        nulls += column.null
    return int(np.argmin(np.where(making.training, nulls, np.iinfo(np.uint16).max)))


def _stored(column: ColumnRead) -> StoredColumn:
    texts = () if column.type != "category" else tuple(column.categories.to_pylist())
    return StoredColumn(name=column.name, type=column.type, place=column.place, categories=texts)
