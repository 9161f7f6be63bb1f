"""Scores of predictions, each metric in its own sign: the same for folds, holdout and gate."""

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName, Task

from mlyard_training_pipeline.candidates.predictions import Predictions

NEED_PROBABILITIES = ("roc_auc", "log_loss")
NEED_EVERY_CLASS = ("roc_auc", "log_loss", "balanced_accuracy")
"""Metrics that say nothing over rows in which a class is missing."""


def metrics_for(task: Task, *, probabilities: bool) -> tuple[MetricName, ...]:
    """The metrics of a task that its predictions allow."""
    return tuple(
        name
        for name, metric in METRICS.items()
        if metric.task == task and (probabilities or name not in NEED_PROBABILITIES)
    )


def score(metric: MetricName, truth: Array, predictions: Predictions, *, classes: int = 0) -> float:
    """One metric. A classification's truth and labels are indices below `classes`.

    Raises:
        ValueError: the rows do not allow it, such as an area under the curve where a class is missing.
    """
    from sklearn import metrics as sk

    labels, probabilities = predictions
    if metric in NEED_PROBABILITIES:
        if probabilities is None:
            raise ValueError(f"{metric} needs probabilities")
        if metric == "roc_auc" and len(np.unique(truth)) < classes:
            raise ValueError("roc_auc needs rows of every class")
        return _of_probabilities(metric, truth, probabilities, classes)
    functions = {
        "accuracy": sk.accuracy_score,
        "balanced_accuracy": _balanced_accuracy,
        "f1_macro": lambda y, p: sk.f1_score(y, p, average="macro", zero_division=0),
        "rmse": sk.root_mean_squared_error,
        "mae": sk.mean_absolute_error,
        "r2": sk.r2_score,
    }
    return float(functions[metric](truth, labels))


def scores(task: Task, truth: Array, predictions: Predictions, *, classes: int = 0) -> dict[MetricName, float]:
    """Every metric of the task that these rows allow."""
    result: dict[MetricName, float] = {}
    for name in metrics_for(task, probabilities=predictions.probabilities is not None):
        if name == "roc_auc" and len(np.unique(truth)) < classes:
            continue
        result[name] = score(name, truth, predictions, classes=classes)
    return result


def _of_probabilities(metric: MetricName, truth: Array, probabilities: Array, classes: int) -> float:
    from sklearn import metrics as sk

    shares = probabilities.astype(np.float64)
    shares = shares / np.where(shares.sum(axis=1, keepdims=True) > 0, shares.sum(axis=1, keepdims=True), 1)
    if metric == "log_loss":
        return float(sk.log_loss(truth, shares, labels=range(classes)))
    if classes == 2:
        return float(sk.roc_auc_score(truth, shares[:, 1]))
    return float(sk.roc_auc_score(truth, shares, multi_class="ovr", average="weighted", labels=range(classes)))


def _balanced_accuracy(truth: Array, labels: Array) -> float:
    """The mean recall of the classes that are there; scikit-learn's own warns about predictions of others."""
    return float(np.mean([(labels[truth == value] == value).mean() for value in np.unique(truth)]))
