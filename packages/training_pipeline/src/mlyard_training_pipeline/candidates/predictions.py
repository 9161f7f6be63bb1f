"""What a model says of rows, with labels that are made by one rule wherever they are made."""

from typing import Any, NamedTuple

import numpy as np
from mlyard_shared import decision
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.metrics import Task

DECISION = Decision()
"""How the probabilities of a classification become labels, in folds, holdout, gate and what is registered."""

_CELLS = 20_000_000
"""How many numbers of an encoded matrix are made at a time."""


class Predictions(NamedTuple):
    """What a model said: labels (class indices, or numbers), and for each class a probability where it gives them."""

    labels: Array
    probabilities: Array | None = None

    def of(self, rows: Array) -> "Predictions":
        """The predictions of some of the rows, by a boolean array."""
        return Predictions(self.labels[rows], None if self.probabilities is None else self.probabilities[rows])


def predict(pipeline: Any, matrix: Array, *, task: Task, rule: Decision | None = DECISION) -> Predictions:
    """Run a fitted pipeline. Labels are made by the rule from probabilities; without a rule, by the estimator."""
    if task == "regression":
        return Predictions(_in_parts(pipeline, "predict", matrix).astype(np.float64).reshape(-1))
    if not hasattr(pipeline, "predict_proba"):
        return Predictions(_in_parts(pipeline, "predict", matrix).astype(np.int64))
    probabilities = _in_parts(pipeline, "predict_proba", matrix).astype(np.float64)
    if rule is None:
        return Predictions(_in_parts(pipeline, "predict", matrix).astype(np.int64), probabilities)
    return decided(probabilities, rule)


def _in_parts(pipeline: Any, method: str, matrix: Array) -> Array:
    """Call a method for some rows at a time, whose encoded matrix fits into memory."""
    rows = max(1, _CELLS // int(pipeline[-1].n_features_in_))
    parts = [getattr(pipeline, method)(matrix[start : start + rows]) for start in range(0, max(len(matrix), 1), rows)]
    return np.concatenate(parts)


def decided(probabilities: Array, rule: Decision) -> Predictions:
    """Probabilities with the labels that a rule makes of them."""
    return Predictions(decision.labels(probabilities, rule), probabilities)
