"""Cross-validation over the training rows: how they are split, and what is measured."""

import numpy as np
from mlyard_shared.metrics import MetricName
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import estimators, scoring
from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.dataset import Table


def splits(spec: ModelSpec, read: Table) -> list[tuple[Array, Array]]:
    """Pairs of training and test positions among the training rows.

    With an event time the test rows are always later than the training rows; with a group no group is on both sides;
    else rows are drawn at random, with every class in each fold.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

    training = ~read.held_out
    rows = np.zeros(int(training.sum()))
    if read.order is not None:
        order = np.argsort(read.order[training], kind="stable")
        return [(order[fit], order[test]) for fit, test in TimeSeriesSplit(spec.folds).split(rows)]
    if read.groups is not None:
        return list(GroupKFold(spec.folds).split(rows, groups=read.groups[training]))
    splitter = StratifiedKFold if spec.task == "classification" else KFold
    shuffled = splitter(spec.folds, shuffle=True, random_state=estimators.SEED)
    return list(shuffled.split(rows, read.target[training]))


def metrics(spec: ModelSpec, candidate: Candidate) -> tuple[MetricName, ...]:
    """The metric that decides, and those beside it that any fold allows."""
    stratified = spec.event_time is None and spec.group is None
    if spec.task == "classification" and not stratified:
        return (spec.metric,)
    probabilities = hasattr(estimators.estimator(candidate), "predict_proba") and not candidate.grid
    others = scoring.metrics_for(spec.task, probabilities=probabilities)
    return tuple(dict.fromkeys((spec.metric, *others)))
