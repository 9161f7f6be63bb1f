"""The rule that makes labels of probabilities: as the spec gives it, or tuned on what folds were not fitted on."""

import numpy as np
from mlyard_shared.decision import TOLERANCE, Decision
from mlyard_shared.features import Array
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates.out_of_fold import OutOfFold
from mlyard_training_pipeline.candidates.predictions import DECISION
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.data.dataset import Class

_APART = 10 * TOLERANCE
"""How far probabilities have to be apart for a threshold between them, so that every engine is on the same side."""


def problems(spec: ModelSpec, classes: tuple[Class, ...]) -> list[str]:
    """Why the spec's rule does not suit the table's classes, in at most one sentence."""
    given = spec.decision
    if (given.threshold or given.threshold_for) and len(classes) > 2:
        key = "threshold" if given.threshold else "threshold_for"
        two = f"decision.{key}: is for two classes, and {spec.target!r} has {len(classes)}"
        return [f"{two}: leave it out, or say decision.expected_cost = true with scoring.costs"]
    return []


def given(spec: ModelSpec, measures: Measures) -> Decision:
    """The rule that is known before anything is fitted."""
    if spec.decision.threshold is not None:
        return Decision(kind="threshold", threshold=spec.decision.threshold)
    if spec.decision.expected_cost and measures.costs is not None:
        return Decision(kind="costs", costs=tuple(tuple(row) for row in measures.costs.tolist()))
    return DECISION


def tuned(spec: ModelSpec, found: OutOfFold, measures: Measures) -> Decision | None:
    """The threshold that is best for the metric that the spec names, over all folds together; None where it has none.

    Of equally good ones it is the nearest to a half.
    """
    metric = spec.decision.threshold_for
    if metric is None:
        return None
    truth = np.concatenate([fold.truth for fold in found])
    scores = np.concatenate([_second(fold.found.probabilities) for fold in found])
    weights = np.concatenate([np.ones(len(fold.truth)) if fold.weights is None else fold.weights for fold in found])
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    cuts = np.flatnonzero(ordered[:-1] - ordered[1:] > _APART)
    if len(cuts) == 0:
        return None
    places = (ordered[cuts] + ordered[cuts + 1]) / 2
    above = [np.cumsum(weights[order] * (truth[order] == label))[cuts] for label in (0, 1)]
    totals = [float(weights[truth == label].sum()) for label in (0, 1)]
    values = _value(metric, above, totals, measures)
    best = np.flatnonzero(values >= values.max() - 1e-12)
    chosen = float(places[best[np.argmin(np.abs(places[best] - 0.5))]])
    return Decision(kind="threshold", threshold=round(chosen, 6))


def _value(metric: str, above: list[Array], totals: list[float], measures: Measures) -> Array:
    """A metric at each cut, greater is better; `above` are the weights of either class that are called the second."""
    false, true = above
    hits = [totals[0] - false, true]  # of each class, rightly said
    said = [totals[0] + totals[1] - false - true, false + true]
    if metric == "accuracy":
        accuracy: Array = (hits[0] + hits[1]) / sum(totals)
        return accuracy
    if metric == "cost":
        assert measures.costs is not None  # noqa: S101 - the spec was checked
        saved: Array = -(false * measures.costs[0, 1] + (totals[1] - true) * measures.costs[1, 0])
        return saved
    if metric == "balanced_accuracy":
        return (hits[0] / totals[0] + hits[1] / totals[1]) / 2
    beta = measures.beta if metric == "f_beta" else 1.0
    each = [(1 + beta**2) * hits[k] / (beta**2 * totals[k] + said[k]) for k in (0, 1)]
    if metric == "f_beta" and measures.positive is not None:
        return each[measures.positive]
    return (each[0] + each[1]) / 2


def _second(probabilities: Array | None) -> Array:
    assert probabilities is not None  # noqa: S101 - the candidates were checked
    second: Array = probabilities[:, 1]
    return second
