"""From scores to a label: the same rule in folds, holdout, gate and every engine, whatever the estimator's own is.

Engines that compute in another order or precision differ in the last digits, so that a rule which compares two equal
probabilities would give two labels. Here scores that are closer than the tolerance count as equal, and of equals the
first class is the label.
"""

from functools import lru_cache
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mlyard_shared.contract import Contract

TOLERANCE = 1e-5
"""How far two engines' probabilities may be apart. Measured: 1e-15 for linear models, 1e-6 for trees."""

FEW = 64
"""So many probabilities are looked at one by one in less time than NumPy takes to begin."""
_TWO = 2


class Decision(Contract):
    """How probabilities become a label.

    `largest`: the class with the largest probability. `threshold`, for two classes: the second class where its
    probability is above the threshold. `costs`: the class with the smallest expected cost, where `costs[i][j]` is the
    cost of saying class j where class i is true.
    """

    kind: Literal["largest", "threshold", "costs"] = "largest"
    tolerance: Annotated[float, Field(ge=0)] = TOLERANCE
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    costs: tuple[tuple[float, ...], ...] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.threshold is not None) != (self.kind == "threshold"):
            raise ValueError("threshold and kind = threshold go together")
        if (self.costs is not None) != (self.kind == "costs"):
            raise ValueError("costs and kind = costs go together")
        if self.costs is not None and any(len(row) != len(self.costs) for row in self.costs):
            raise ValueError("costs must have a row and a column for each class")
        return self


def labels(probabilities: NDArray[np.floating], decision: Decision) -> NDArray[np.int64]:
    """The label of each row, as an index of its class, shape [n].

    Args:
        probabilities: shape [n, classes].
        decision: the rule.
    """
    if probabilities.size <= FEW and decision.costs is None:
        return np.array([_label(row, decision) for row in probabilities.tolist()], dtype=np.int64)
    if probabilities.shape[1] == _TWO and decision.costs is None:
        # The second class by the same arithmetic as `_gaps`, of which all else says nothing here.
        below = decision.threshold if decision.threshold is not None else probabilities[:, 0].astype(np.float64)
        return (probabilities[:, 1].astype(np.float64) - below - decision.tolerance > 0).astype(np.int64)
    first: NDArray[np.int64] = np.argmax(_gaps(probabilities, decision) <= 0, axis=1).astype(np.int64)
    return first


def distances(probabilities: NDArray[np.floating], decision: Decision) -> NDArray[np.float64]:
    """How far each row's probabilities are from those at which its label would change, shape [n].

    Where probabilities move by at most the tolerance, only labels of rows within twice the tolerance may change.
    """
    gaps = _gaps(probabilities, decision)
    distance = np.abs(gaps)
    # The best class itself is always the tolerance away; it is the others that can cross the line.
    distance[np.arange(len(gaps)), np.argmin(gaps, axis=1)] = np.inf
    nearest: NDArray[np.float64] = distance.min(axis=1)
    return nearest


def _label(scores: list[float], decision: Decision) -> int:
    """The label of one row by the same arithmetic as `_gaps`, which for few numbers is most of a prediction's time."""
    if decision.threshold is not None:
        above = scores[1] - decision.threshold - decision.tolerance
        return int(above > 0)
    best = max(scores)
    for label, score in enumerate(scores):
        if best - score - decision.tolerance <= 0:
            return label
    return 0


def _gaps(probabilities: NDArray[np.floating], decision: Decision) -> NDArray[np.float64]:
    """How far each class is behind the best one, less the tolerance: at most 0 for those that count as the best."""
    scores = probabilities.astype(np.float64)
    if decision.threshold is not None:
        # The first class is the label unless the second is above the threshold by more than the tolerance.
        above = scores[:, 1] - decision.threshold - decision.tolerance
        return np.column_stack([above, -above])
    if decision.costs is not None:
        scores = -(scores @ np.asarray(decision.costs, dtype=np.float64)) / _unit(decision.costs)
    gaps: NDArray[np.float64] = scores.max(axis=1, keepdims=True) - scores - decision.tolerance
    return gaps


@lru_cache
def _unit(costs: tuple[tuple[float, ...], ...]) -> float:
    """What a probability is worth in costs: where each moves by d, what two classes cost moves apart by 2 * d units."""
    table = np.asarray(costs, dtype=np.float64)
    return max(float(np.abs(table - table[:, [column]]).sum(axis=0).max()) for column in range(len(costs))) / 2 or 1.0
