"""Whether there are enough rows to say anything: where there are not, the gate says neither yes nor no."""

from collections.abc import Sequence

import numpy as np
from mlyard_shared.metrics import MetricName

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.data.dataset import Class
from mlyard_training_pipeline.data.holdout import SMALLEST_HOLDOUT
from mlyard_training_pipeline.judging.rows import Judged

LEAST_OF_CLASS = 10
"""Rows of each class, where a metric weighs classes: what fewer rows do, a resample of them cannot show."""

LEAST_GROUPS = 10
"""Groups, where they are what is resampled."""


def shortage(metric: MetricName, judged: Judged, classes: Sequence[Class]) -> str | None:
    """What there is too little of to judge by a metric, or None."""
    rows = len(judged.truth)
    if rows < SMALLEST_HOLDOUT:
        return f"only {rows} rows were held out, and {SMALLEST_HOLDOUT} are needed"
    if metric in (*scoring.WEIGH_CLASSES, "cost"):
        counts = np.bincount(judged.truth, minlength=len(classes))
        rare = int(np.argmin(counts))
        if counts[rare] < LEAST_OF_CLASS:
            return (
                f"only {counts[rare]} of {rows} rows held out are of class {classes[rare]!r}, and {metric} needs "
                f"{LEAST_OF_CLASS}"
            )
    if judged.groups is not None and (found := len(np.unique(judged.groups))) < LEAST_GROUPS:
        return f"the {rows} rows held out are of {found} groups, and {LEAST_GROUPS} are needed"
    return None
