"""Which metric is made of which sums or ranks over rows."""

from typing import Protocol

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.metrics import MetricName

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging import ranks, sums
from mlyard_training_pipeline.judging.rows import Judged

_LARGEST_LOSS = -np.log(np.finfo(np.float64).eps)


class Statistic(Protocol):
    """A metric of some predictions as a function of how often each row counts."""

    def values(self, counts: Array) -> Array:
        """The metric of each resample; `counts`, shape [resamples, rows], says how often each row is in it."""

    def influences(self) -> Array:
        """About how much each row adds to the metric, shape [rows]."""


def statistic(metric: MetricName, judged: Judged, predictions: Predictions, measures: Measures) -> Statistic:
    """A metric of predictions for the rows that are judged."""
    truth, weight, (labels, _) = judged.truth, judged.weight, predictions
    if metric in scoring.NEED_PROBABILITIES:
        return _of_probabilities(metric, judged, predictions, measures)
    if metric == "accuracy":
        return sums.mean((labels == truth).astype(np.float64), weight)
    if metric == "cost":
        return sums.mean(scoring.costs_of(truth, labels, measures), weight)
    if metric in ("balanced_accuracy", "f1_macro", "f_beta"):
        found = sums.Labels(truth, labels, judged.classes, weight)
        if metric == "f_beta":
            return sums.by_class(found, sums.f_measure(measures.beta), only=measures.positive)
        return sums.by_class(found, sums.recall if metric == "balanced_accuracy" else sums.f_measure(1.0))
    error = truth - labels
    if metric == "rmse":
        return sums.root_mean(error**2, weight)
    if metric == "r2":
        return sums.determination(truth, labels, weight)
    return sums.mean(_of_errors(metric, truth, error, measures), weight)


def _of_errors(metric: MetricName, truth: Array, error: Array, measures: Measures) -> Array:
    if metric == "mape":
        return np.abs(error) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)
    if metric == "pinball":
        assert measures.quantile is not None  # noqa: S101 - the spec was checked
        return np.maximum(measures.quantile * error, (measures.quantile - 1) * error)
    return np.abs(error)


def _of_probabilities(metric: MetricName, judged: Judged, predictions: Predictions, measures: Measures) -> Statistic:
    assert predictions.probabilities is not None  # noqa: S101 - it was scored before
    truth, weight = judged.truth, judged.weight
    probabilities = scoring.shares(predictions.probabilities)
    if metric == "log_loss":
        right = probabilities[np.arange(len(truth)), truth]
        return sums.mean(np.minimum(-np.log(np.maximum(right, np.finfo(np.float64).eps)), _LARGEST_LOSS), weight)
    if metric == "brier":
        squares = (np.eye(judged.classes)[truth] - probabilities) ** 2
        return sums.mean(squares.sum(axis=1) / (2 if judged.classes == 2 else 1), weight)
    of_two = metric == "roc_auc" and judged.classes == 2
    kind: ranks.Kind = "roc_auc" if metric == "roc_auc" else "average_precision"
    every = range(judged.classes) if metric == "roc_auc" else scoring.curves(measures)
    curves = [
        ranks.Curve(kind, truth == label, probabilities[:, label], weight) for label in ([1] if of_two else every)
    ]
    return ranks.Ranks(tuple(curves), by_size=metric == "roc_auc")
