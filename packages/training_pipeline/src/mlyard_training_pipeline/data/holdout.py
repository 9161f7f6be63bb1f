"""Who is held out: by a hash of the row's key, or by time, so that a row never changes sides between two trainings."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import numpy as np
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.columns import Array, text_of, values

SMALLEST_HOLDOUT = 10
"""With fewer rows a score on the holdout says nothing."""


def rule(spec: ModelSpec, names: list[str], order: Array | None) -> HoldoutRule:
    """The rule of a spec: time where it has an event time, else the hash of the group, the key or every column."""
    fraction = spec.holdout.fraction
    if order is None:
        columns = (spec.group,) if spec.group else spec.key or tuple(sorted(names))
        return HoldoutRule(by="hash", columns=columns, fraction=fraction)
    ranked = np.sort(order)
    boundary = ranked[min(len(ranked) - 1, int(np.floor(len(ranked) * (1 - fraction))))]
    moment: datetime = boundary.astype("datetime64[us]").item()
    return HoldoutRule(
        by="time", columns=(str(spec.event_time),), fraction=fraction, boundary=moment.replace(tzinfo=UTC)
    )


def members(arrow: Any, rule: HoldoutRule, *, event_time: str | None = None) -> Array:
    """Which rows the rule holds out, as a boolean array of shape [n].

    Raises:
        TableError: a column of the rule is not in the table.
    """
    absent = [name for name in rule.columns if name not in arrow.column_names]
    if absent:
        raise TableError(f"the table has no column {absent[0]!r} any more, which says what was held out")
    if rule.by == "time" and rule.boundary is not None:
        name = event_time or rule.columns[0]
        boundary = np.datetime64(rule.boundary.astimezone(UTC).replace(tzinfo=None), "us")
        return np.asarray(values(name, arrow[name], "datetime") >= boundary)
    texts = [text_of(arrow[name]) for name in rule.columns]
    limit = int(rule.fraction * 2**64)
    return np.array([_hash(row) < limit for row in zip(*texts, strict=True)], dtype=bool)


def check(held_out: Array, target: Array, classes: tuple[Any, ...], spec: ModelSpec) -> None:
    """Hold that both sides have enough rows to train and to judge.

    Raises:
        TableError: which side, how many rows, and what to change.
    """
    training, judged = int((~held_out).sum()), int(held_out.sum())
    if judged < SMALLEST_HOLDOUT:
        raise TableError(
            f"the holdout has {judged} rows and needs {SMALLEST_HOLDOUT}: raise holdout.fraction, or bring more rows"
        )
    if training < 2 * spec.folds:
        raise TableError(
            f"{training} rows are left to train on, and {spec.folds} folds need {2 * spec.folds}: lower folds or "
            "holdout.fraction, or bring more rows"
        )
    if not classes:
        return
    counts = np.bincount(target[~held_out], minlength=len(classes))
    if counts.min() < spec.folds:
        rare = int(np.argmin(counts))
        raise TableError(
            f"class {classes[rare]!r} of column {spec.target!r} has {counts[rare]} rows to train on, and {spec.folds} "
            "folds need as many: lower folds, leave the class's rows out, or bring more of them"
        )
    unseen = np.flatnonzero(np.bincount(target[held_out], minlength=len(classes)) == 0)
    if len(unseen) and spec.metric in ("roc_auc", "log_loss", "balanced_accuracy"):
        raise TableError(
            f"class {classes[unseen[0]]!r} of column {spec.target!r} is not in the holdout, where {spec.metric} needs "
            "every class: raise holdout.fraction, choose another metric, or bring more rows"
        )


def _hash(row: tuple[str | None, ...]) -> int:
    """The first 64 bits of the SHA-256 of a row's texts; lengths keep ("ab", "c") and ("a", "bc") apart."""
    content = "".join("-" if text is None else f"{len(text)}:{text}" for text in row)
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big")
