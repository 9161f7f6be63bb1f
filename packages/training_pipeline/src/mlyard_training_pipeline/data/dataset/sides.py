"""Whether both sides of a holdout have what training and judging need."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.holdout import SMALLEST_HOLDOUT
from mlyard_training_pipeline.data.problems import Problems


def check(held_out: Mask, trained: Mask, spec: ModelSpec, problems: Problems) -> None:
    """Note a side with too few rows to train or to judge."""
    training, judged = int(trained.sum()), int(held_out.sum())
    if training < 2 * spec.folds <= len(held_out) - judged:
        problems.add(
            f"holdout.embargo = {str(spec.holdout.embargo)!r} leaves {training} rows to train on, and "
            f"{spec.folds} folds need {2 * spec.folds}",
            first=["shorten it", "bring older rows"],
        )
        return
    together = f"all rows of one {spec.group!r} are on one side" if spec.group else ""
    if spec.key and not spec.group and 0 in (training, judged):
        together = f"all rows of one {' and '.join(map(repr, spec.key))} are on one side: is it different in each row?"
    if training == 0 and spec.event_time:
        problems.add(
            f"column {spec.event_time!r}, the event time, has one value in every row, so that none is earlier",
            first=["name another event_time, or a key or group in its place"],
        )
        return
    if judged < SMALLEST_HOLDOUT:
        problems.add(
            f"the holdout has {judged} rows and needs {SMALLEST_HOLDOUT}" + (f" ({together})" if together else ""),
            first=["raise holdout.fraction", f"bring more {'groups' if spec.group else 'rows'}"],
        )
    if training < 2 * spec.folds:
        problems.add(
            f"{training} rows are left to train on, and {spec.folds} folds need {2 * spec.folds}"
            + (f" ({together})" if together else ""),
            first=["lower folds or holdout.fraction", "bring more rows"],
        )


def check_groups(found: int, spec: ModelSpec, problems: Problems) -> None:
    """Note that there are fewer groups than the folds and the holdout take, whichever of them is held out."""
    if found <= spec.folds:
        fewer = f"lower folds to at most {found - 1}" if found > 2 else "name another column"
        values = "1 different value" if found == 1 else f"{found} different values"
        problems.add(
            f"column {spec.group!r}, the group, has {values}, and {spec.folds} folds and the holdout need "
            f"{spec.folds + 1}",
            first=[fewer, "bring more groups"],
        )


def check_classes(counts: Array, classes: Sequence[Any], spec: ModelSpec, problems: Problems) -> None:
    """Note a class that one side has too few rows of.

    Args:
        counts: how many rows of each class are trained on, and held out; shape [2, classes].
        classes: their labels.
        spec: the model spec.
        problems: where problems go.
    """
    training, judged = counts
    if training.sum() == 0:  # which is said already
        return
    if training.min() < spec.folds:
        rare = int(np.argmin(training))
        problems.add(
            f"class {classes[rare]!r} of column {spec.target!r} has {training[rare]} rows to train on, and "
            f"{spec.folds} folds need as many",
            first=["lower folds", "leave the class's rows out", "bring more of them"],
        )
    unseen = np.flatnonzero(judged == 0)
    if len(unseen) and spec.metric in ("roc_auc", "log_loss", "balanced_accuracy"):
        problems.add(
            f"class {classes[unseen[0]]!r} of column {spec.target!r} is not in the holdout, where {spec.metric} needs "
            "every class",
            first=["raise holdout.fraction", "choose another metric", "bring more rows"],
        )
