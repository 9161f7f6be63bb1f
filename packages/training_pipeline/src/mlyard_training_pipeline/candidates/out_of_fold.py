"""What a candidate says of rows that it was not fitted on, fold by fold: kept for the best setting of its grid."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import predictions, scoring
from mlyard_training_pipeline.candidates.folds import Split
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures


class Fold(NamedTuple):
    """The rows that a fold is judged on: what is true, what was said, and how much each counts."""

    truth: Array
    found: Predictions
    weights: Array | None


OutOfFold = tuple[Fold, ...]


class FoldScores:
    """Scores settings fold by fold, for a search that fits every fold of a setting before the next setting."""

    def __init__(
        self,
        spec: ModelSpec,
        names: Sequence[MetricName],
        splits: Sequence[Split],
        *,
        measures: Measures,
        weights: Array | None,
        rule: Decision,
    ) -> None:
        """Begin with nothing kept.

        Args:
            spec: of the model.
            names: the metrics to score, that of the spec among them.
            splits: the folds.
            measures: what the metrics need to know.
            weights: how much each training row counts.
            rule: makes labels of probabilities.
        """
        self._spec, self._names, self._splits = spec, tuple(names), splits
        self._measures, self._weights, self.rule = measures, weights, rule
        self._folds: list[Fold] = []
        self._scores: list[float] = []
        self._best = -np.inf
        self.best: OutOfFold = ()

    def __call__(self, fitted: Any, matrix: Array, truth: Array) -> Mapping[MetricName, float]:
        """Score the next fold; greater is better."""
        rows = self._splits[len(self._folds)][1]
        weights = None if self._weights is None else self._weights[rows]
        fold = Fold(truth, predictions.predict(fitted, matrix, task=self._spec.task, rule=self.rule), weights)
        values = {name: METRICS[name].value(one) for name, one in self._score(fold).items()}
        self._folds.append(fold)
        self._scores.append(values[self._spec.metric])
        if len(self._folds) == len(self._splits):
            mean = float(np.mean(self._scores))
            if mean > self._best or not self.best:
                self._best, self.best = mean, tuple(self._folds)
            self._folds, self._scores = [], []
        return values

    def decided(self, rule: Decision) -> tuple[OutOfFold, dict[MetricName, list[float]]]:
        """The best setting's folds with the labels of another rule, and their scores, each in its own sign."""
        found = []
        for fold in self.best:
            assert fold.found.probabilities is not None  # noqa: S101 - a rule is for probabilities
            found.append(fold._replace(found=predictions.decided(fold.found.probabilities, rule)))
        each = [self._score(fold) for fold in found]
        return tuple(found), {name: [scores[name] for scores in each] for name in self._names}

    def _score(self, fold: Fold) -> dict[MetricName, float]:
        return {name: scoring.score(name, fold.truth, fold.found, self._measures, fold.weights) for name in self._names}
