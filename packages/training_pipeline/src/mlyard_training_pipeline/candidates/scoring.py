"""Scores of predictions, each metric in its own sign: the same for folds, holdout and gate."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from mlyard_shared.columns.canonical import typed_text
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName, Task
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.data.dataset import Class

NEED_PROBABILITIES = ("roc_auc", "average_precision", "log_loss", "brier")
NEED_EVERY_CLASS = ("roc_auc", "average_precision", "log_loss", "balanced_accuracy")
"""Metrics that say nothing over rows in which a class is missing."""

WEIGH_CLASSES = ("balanced_accuracy", "f1_macro", "f_beta", "roc_auc", "average_precision")
"""Metrics in which the rows of a rare class count for more than their share."""


class Measures(NamedTuple):
    """What metrics of one target need to know: how many classes there are, and the metrics' parameters.

    `positive` is the class that a metric of one class is about, None where it is the mean over all. `costs[i, j]` is
    what it costs to say class j where class i is true.
    """

    classes: int = 0
    positive: int | None = None
    beta: float = 1.0
    quantile: float | None = None
    costs: Array | None = None

    @classmethod
    def of(cls, spec: ModelSpec, classes: tuple[Class, ...]) -> "Measures":
        """The measures of a spec over the table's classes.

        Raises:
            ValueError: it names a class that the table does not have.
        """
        given, texts = spec.scoring, [str(typed_text(known)) for known in classes]
        positive = 1 if len(classes) == 2 else None
        if given.positive is not None:
            positive = _place("positive", str(typed_text(given.positive)), texts)
        return cls(len(classes), positive, given.beta, given.quantile, _costs(given.costs, texts))


def problems(spec: ModelSpec, classes: tuple[Class, ...], target: Array) -> list[str]:
    """What stands between the metrics of a spec and this target, in one sentence each."""
    try:
        Measures.of(spec, classes)
    except ValueError as error:
        return [f"scoring.{error}"]
    if spec.gate.fairness is not None and len(classes) > 2 and spec.scoring.positive is None:
        return [f"gate.fairness: {spec.target!r} has {len(classes)} classes: name one as scoring.positive"]
    if spec.metric == "mape" and not target.all():
        return [
            f"metric: mape divides by the target, and {spec.target!r} is 0 in some rows: choose mae, or take them out"
        ]
    return []


def metrics_for(task: Task, measures: Measures, *, probabilities: bool) -> tuple[MetricName, ...]:
    """The metrics of a task that its predictions allow, and that have the parameters they need."""
    absent = {
        "cost": measures.costs is None,
        "pinball": measures.quantile is None,
    }
    return tuple(
        name
        for name, metric in METRICS.items()
        if metric.task == task and (probabilities or name not in NEED_PROBABILITIES) and not absent.get(name)
    )


def score(
    metric: MetricName, truth: Array, predictions: Predictions, measures: Measures, weights: Array | None = None
) -> float:
    """One metric. A classification's truth and labels are indices of classes.

    Args:
        metric: its name.
        truth: shape [rows].
        predictions: for the same rows.
        measures: what the metric needs to know.
        weights: how much each row counts.

    Raises:
        ValueError: the rows do not allow it, such as an area under the curve where a class is missing.
    """
    from sklearn import metrics as sk

    labels, probabilities = predictions
    if metric in NEED_PROBABILITIES:
        if probabilities is None:
            raise ValueError(f"{metric} needs probabilities")
        if metric in ("roc_auc", "average_precision") and len(np.unique(truth)) < measures.classes:
            raise ValueError(f"{metric} needs rows of every class")
        return _of_probabilities(metric, truth, shares(probabilities), measures, weights)
    functions: dict[MetricName, Callable[..., float]] = {
        "accuracy": sk.accuracy_score,
        "balanced_accuracy": _balanced_accuracy,
        "f1_macro": lambda y, p, sample_weight: _f_measure(y, p, 1.0, None, sample_weight),
        "f_beta": lambda y, p, sample_weight: _f_measure(y, p, measures.beta, measures.positive, sample_weight),
        "cost": lambda y, p, sample_weight: np.average(costs_of(y, p, measures), weights=sample_weight),
        "rmse": sk.root_mean_squared_error,
        "mae": sk.mean_absolute_error,
        "mape": sk.mean_absolute_percentage_error,
        "pinball": lambda y, p, sample_weight: sk.mean_pinball_loss(
            y, p, alpha=measures.quantile, sample_weight=sample_weight
        ),
        "r2": sk.r2_score,
    }
    return float(functions[metric](truth, labels, sample_weight=weights))


def scores(
    task: Task, truth: Array, predictions: Predictions, measures: Measures, weights: Array | None = None
) -> dict[MetricName, float]:
    """Every metric of the task that these rows allow."""
    result: dict[MetricName, float] = {}
    for name in metrics_for(task, measures, probabilities=predictions.probabilities is not None):
        if name in ("roc_auc", "average_precision") and len(np.unique(truth)) < measures.classes:
            continue
        if name == "mape" and not truth.all():
            continue
        result[name] = score(name, truth, predictions, measures, weights)
    return result


def shares(probabilities: Array) -> Array:
    """Probabilities that add up to 1 to the last digit."""
    found = probabilities.astype(np.float64)
    total = found.sum(axis=1, keepdims=True)
    normal: Array = found / np.where(total > 0, total, 1)
    return normal


def costs_of(truth: Array, labels: Array, measures: Measures) -> Array:
    """What each row's label costs. One that is none of the classes costs the most that there is."""
    assert measures.costs is not None  # noqa: S101 - the spec was checked
    found: Array = np.where(labels >= 0, measures.costs[truth, labels], measures.costs.max())
    return found


def curves(measures: Measures) -> list[int]:
    """The classes whose ranking is looked at: the positive one, or each against the others."""
    return list(range(measures.classes)) if measures.positive is None else [measures.positive]


def _of_probabilities(
    metric: MetricName, truth: Array, probabilities: Array, measures: Measures, weights: Array | None
) -> float:
    from sklearn import metrics as sk

    every = range(measures.classes)
    if metric == "log_loss":
        return float(sk.log_loss(truth, probabilities, labels=every, sample_weight=weights))
    if metric == "brier":
        return float(sk.brier_score_loss(truth, probabilities, labels=every, sample_weight=weights))
    if metric == "average_precision":
        areas = [
            sk.average_precision_score(truth == label, probabilities[:, label], sample_weight=weights)
            for label in curves(measures)
        ]
        return float(np.mean(areas))
    if measures.classes == 2:
        return float(sk.roc_auc_score(truth, probabilities[:, 1], sample_weight=weights))
    kind = {"multi_class": "ovr", "average": "weighted", "labels": every}
    return float(sk.roc_auc_score(truth, probabilities, sample_weight=weights, **kind))


def _f_measure(truth: Array, labels: Array, beta: float, positive: int | None, weights: Array | None) -> float:
    from sklearn import metrics as sk

    # A champion may say a class that is none of the candidates', as -1: a wrong label, and no class to be right about.
    every = np.union1d(truth, labels[labels >= 0]) if positive is None else [positive]
    kind = {"average": "macro", "zero_division": 0, "labels": every}
    return float(sk.fbeta_score(truth, labels, beta=beta, sample_weight=weights, **kind))


def _balanced_accuracy(truth: Array, labels: Array, sample_weight: Array | None) -> float:
    """The mean recall of the classes that are there; scikit-learn's own warns about predictions of others."""
    weight = np.ones(len(truth)) if sample_weight is None else sample_weight
    chosen = [truth == value for value in np.unique(truth)]
    return float(np.mean([np.average(labels[rows] == truth[rows], weights=weight[rows]) for rows in chosen]))


def _place(key: str, label: str, texts: list[str]) -> int:
    if label not in texts:
        raise ValueError(f"{key}: there is no class {label!r}; there are {', '.join(texts)}")
    return texts.index(label)


def _costs(given: dict[str, dict[str, float]], texts: list[str]) -> Array | None:
    if not given:
        return None
    table = np.zeros((len(texts), len(texts)))
    for true, row in given.items():
        for said, cost in row.items():
            table[_place("costs", true, texts), _place("costs", said, texts)] = cost
    return table
