"""What the target says of the task: classes or amounts, and how well a model is judged by."""

from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.dataset.arrays import ArrayWriter
from mlyard_training_pipeline.data.dataset.making import Making
from mlyard_training_pipeline.data.dataset.reading import ColumnRead
from mlyard_training_pipeline.data.dataset.refusals import Refusals
from mlyard_training_pipeline.data.problems import Problems
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.starter.draft import Draft

MOST_CLASSES = 20
"""Whole numbers with at most this many different values are taken as classes."""

FEWEST = 5
"""Rows of a class that folds and holdout need."""

_SHOWN = 10
_UNEVEN = 3
"""From this many times as many rows of one class as of another on, each class counts alike."""

_ROWS_A_CLASS = 10


def decide(draft: Draft, table: Table, folder: Path) -> Problems:
    """Choose the task and the metric, or say what is wrong with the target.

    Raises:
        TableError: the target is missing in every row, has one value, or has classes that are too rare.
    """
    spec = draft.spec()
    problems = Problems(spec)
    with ArrayWriter(folder, table.rows) as arrays:
        making = Making(table, spec, arrays, problems)
        found = making.read(draft.target, draft.types.get(draft.target), may_go=False)
        if found is None:
            return problems
        if Refusals(problems, making.form).doubts(table.column(draft.target), found, may_be_null=False, may_go=False):
            return problems
        if found.endless:
            raise TableError(_endless(draft.target))
        making.refuse_nulls(draft.target, found.null, "the target")
        if not problems:
            _choose(draft, found, arrays.read(found.place, slice(0, table.rows)))
    return problems


def _choose(draft: Draft, found: ColumnRead, values: Any) -> None:
    labels, counts = np.unique(values, return_counts=True)
    name, few = draft.target, len(labels) <= min(MOST_CLASSES, max(2, len(values) // _ROWS_A_CLASS))
    if len(labels) < 2:
        raise TableError(
            f"column {name!r}, the target, has one value in every row, so there is nothing to learn: name another "
            "target, or bring rows with other values"
        )
    whole = found.type in ("integer", "number") and bool((labels % 1 == 0).all())
    if found.type in ("integer", "number") and not (whole and few):
        draft.task, draft.metric = "regression", "rmse"
        draft.why["task"] = f"{name} holds amounts; classification is for labels"
        draft.why["metric"] = "the root of the mean squared error, in the target's unit; mae minds outliers less"
        return
    if found.type == "number":
        draft.types[name] = "integer"
        draft.why["target type"] = "its numbers are whole"
    draft.task = "classification"
    draft.why["task"] = f"{name} has {len(labels)} different values" + (
        "; say regression (and metric rmse) if they are amounts" if whole and len(labels) > 2 else ""
    )
    texts = found.categories.to_pylist() if found.type == "category" else None
    _check_classes(name, [str(texts[int(label)]) if texts else f"{label:g}" for label in labels], counts)
    if counts.max() > _UNEVEN * counts.min():
        draft.metric = "balanced_accuracy"
        draft.why["metric"] = "the classes differ in size, and each counts alike here; accuracy counts each row alike"
    else:
        draft.metric = "accuracy"
        draft.why["metric"] = "the share of rows that are said rightly; the classes are about as large as one another"


def _check_classes(name: str, labels: list[str], counts: Any) -> None:
    rare = [f"{labels[at]!r} ({counts[at]})" for at in np.flatnonzero(counts < FEWEST)]
    if not rare:
        return
    if len(rare) == len(labels):
        raise TableError(
            f"column {name!r}, the target, has {len(labels)} different values, and none of them in {FEWEST} rows: name "
            "another target, or bring more rows"
        )
    more = f" and {len(rare) - _SHOWN} more" if len(rare) > _SHOWN else ""
    raise TableError(
        f"column {name!r}, the target, has classes with fewer than {FEWEST} rows, which can be neither learned nor "
        f"judged: {', '.join(rare[:_SHOWN])}{more}; take their rows out, join them with another class, or bring more"
    )


def _endless(name: str) -> str:
    return (
        f"column {name!r}, the target, has a different text in most rows, so that nothing comes again: name another "
        "target"
    )
