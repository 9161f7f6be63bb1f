"""The target: numbers for a regression, for a classification the position of each row's class."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.columns import ColumnType

from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.dataset import sides
from mlyard_training_pipeline.data.dataset.arrays import Place
from mlyard_training_pipeline.data.dataset.layout import Class
from mlyard_training_pipeline.data.dataset.making import Making
from mlyard_training_pipeline.data.dataset.reading import ColumnRead
from mlyard_training_pipeline.data.dataset.refusals import Refusals

MOST_CLASSES = 10_000
_AT_ONCE = 1 << 20


class Target(NamedTuple):
    """Where the target is, float64 or an int64 index into `classes`, which are sorted."""

    place: Place
    classes: tuple[Class, ...] = ()


def read_target(making: Making) -> Target | None:
    """Read the target; None where a problem was noted."""
    name, noted = making.spec.target, len(making.problems.found)
    said = making.spec.features.types.get(name)
    found = making.read(name, said, may_go=False)
    if found is None:
        return None
    column, refusals = making.table.column(name), Refusals(making.problems, making.form)
    if refusals.doubts(column, found, may_be_null=False, may_go=False):
        return None
    wanted = _wanted(found, making)
    if wanted is None:
        return None
    if wanted != found.type:
        found = making.read(name, wanted, may_go=False)
        assert found is not None  # noqa: S101 - it was read before
    refusals.faults(column, found, may_be_null=False, may_go=False)
    if not found.faults:
        making.refuse_nulls(name, found.null, "the target")
    if len(making.problems.found) > noted:
        return None
    return _regression(found, making) if making.spec.task == "regression" else _classification(found, making)


def strata(making: Making, target: Target) -> Array:
    """The position of each row's class, zeros for a regression: what a stratified holdout takes its shares of."""
    rows = making.table.rows
    return making.arrays.read(target.place, slice(0, rows)) if target.classes else np.zeros(rows, dtype=np.int64)


def check_sides(making: Making, target: Target) -> None:
    """Note a class that one side has too few rows of, where the sides were found after the target was read."""
    if target.classes:
        found = strata(making, target)
        counts = [
            np.bincount(found[side], minlength=len(target.classes)) for side in (making.training, making.held_out)
        ]
        sides.check_classes(np.array(counts), target.classes, making.spec, making.problems)


def _wanted(found: ColumnRead, making: Making) -> ColumnType | None:
    """The type that the target is read as, or None where it cannot be one."""
    name, kind = making.spec.target, found.type
    if making.spec.task == "regression":
        if kind in ("integer", "number"):
            return "number"
        making.problems.add(f"column {name!r}, the target, holds {kind} values, but a regression needs numbers")
        return None
    if kind == "number":
        making.problems.add(
            f"column {name!r}, the target, holds decimal numbers, but a class is text, integer or boolean",
            first=['use task = "regression"'],
            types=[(name, "integer" if _is_whole(found, making) else "category", "")],
        )
        return None
    if found.endless:
        making.problems.add(f"column {name!r}, the target, has more than {MOST_CLASSES} different texts as classes")
        return None
    return "category" if kind == "datetime" else kind


def _is_whole(found: ColumnRead, making: Making) -> bool:
    """Whether all numbers are integers, as pandas writes them where one was missing once."""
    return all(bool((part[~np.isnan(part)] % 1 == 0).all()) for _, part in _parts(found, making))


def _regression(found: ColumnRead, making: Making) -> Target | None:
    if found.facts.is_constant:
        making.problems.add(f"column {found.name!r}, the target, has one value in every row: there is nothing to learn")
        return None
    return Target(found.place)


def _classification(found: ColumnRead, making: Making) -> Target | None:
    problems, spec = making.problems, making.spec
    values = _unique(found, making)
    if len(values) < 2:
        problems.add(f"column {found.name!r}, the target, has one class in every row: there is nothing to learn")
        return None
    if len(values) > MOST_CLASSES:
        problems.add(
            f"column {found.name!r}, the target, has more than {MOST_CLASSES} classes",
            first=['use task = "regression" if its numbers are amounts'],
        )
        return None
    classes, ranks = _classes(found, values)
    counts = np.zeros((2, len(classes)), dtype=np.int64)
    with making.arrays.column("int64") as writer:
        for rows, part in _parts(found, making):
            positions = ranks[np.searchsorted(values, part)]
            writer.append(positions)
            for side, chosen in enumerate((making.training[rows], making.held_out[rows])):
                counts[side] += np.bincount(positions[chosen], minlength=len(classes))
    if making.is_split:
        sides.check_classes(counts, classes, spec, problems)
    return Target(writer.place, classes)


def _classes(found: ColumnRead, values: Array) -> tuple[tuple[Class, ...], Array]:
    """The labels, sorted, and the position among them of each of the sorted stored values."""
    if found.type != "category":
        kind: Any = int if found.type == "integer" else bool
        return tuple(kind(value) for value in values), np.arange(len(values))
    texts = found.categories.to_pylist()
    labels = [texts[code] for code in values]
    order = sorted(range(len(labels)), key=labels.__getitem__)
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[order] = np.arange(len(labels))
    return tuple(labels[position] for position in order), ranks


def _unique(found: ColumnRead, making: Making) -> Array:
    """The different stored values, sorted; one more than there may be where there are too many."""
    seen = np.zeros(0)
    for _, part in _parts(found, making):
        seen = np.union1d(seen, part)
        if len(seen) > MOST_CLASSES:
            break
    return seen.astype(np.int32) if found.type == "category" else seen


def _parts(found: ColumnRead, making: Making) -> Iterator[tuple[slice, Array]]:
    for start in range(0, making.table.rows, _AT_ONCE):
        rows = slice(start, min(start + _AT_ONCE, making.table.rows))
        yield rows, making.arrays.read(found.place, rows)
