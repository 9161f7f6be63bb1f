"""Conformal quantiles: how far from a prediction the truth may lie, from what folds were not fitted on.

Source: Angelopoulos and Bates, A Gentle Introduction to Conformal Prediction and Distribution-Free Uncertainty
Quantification (2021): sections 1 and 2.3. That the scores are out-of-fold in place of a split of their own is that of
Barber, Candes, Ramdas and Tibshirani, Predictive Inference with the Jackknife+ (2021), in its plain form.
"""

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.manifest.current import Conformal, Quantile
from mlyard_shared.metrics import Task

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.out_of_fold import Fold, OutOfFold


def quantiles(task: Task, found: OutOfFold, levels: tuple[float, ...]) -> Conformal | None:
    """The quantiles of some levels; None where there are no probabilities, or too few rows for any of them."""
    if not found or (task == "classification" and found[0].found.probabilities is None):
        return None
    scores = np.concatenate([_of_fold(task, fold) for fold in found])
    weights = np.concatenate([np.ones(len(fold.truth)) if fold.weights is None else fold.weights for fold in found])
    values = {level: quantile(scores, weights, level) for level in sorted(levels)}
    known = tuple(Quantile(level=level, value=value) for level, value in values.items() if value is not None)
    if not known:
        return None
    kind = "absolute_residual" if task == "regression" else "one_minus_probability"
    return Conformal.model_validate({"score": kind, "rows": len(scores), "quantiles": known})


def quantile(scores: Array, weights: Array, level: float) -> float | None:
    """The smallest score that covers a level where one more row, as heavy as the others' mean, lies beyond all of them.

    None where there are too few rows for that. Of equal weights it is the score of rank ceil((rows + 1) * level).
    """
    order = np.argsort(scores, kind="stable")
    covered = np.cumsum(weights[order]) / (weights.sum() + weights.mean())
    place = int(np.searchsorted(covered, level - 1e-12))
    return float(scores[order][place]) if place < len(scores) else None


def _of_fold(task: Task, fold: Fold) -> Array:
    if task == "regression":
        distance: Array = np.abs(fold.truth - fold.found.labels)
        return distance
    assert fold.found.probabilities is not None  # noqa: S101 - looked at before
    shares = scoring.shares(fold.found.probabilities)
    missing: Array = 1 - shares[np.arange(len(fold.truth)), fold.truth]
    return missing
