"""Metrics of the order that scores put rows in: the area under the ROC curve, and average precision."""

from typing import Literal, NamedTuple

import numpy as np
from mlyard_shared.features import Array

Kind = Literal["roc_auc", "average_precision"]


class Curve:
    """One class against the rest: rows in the order of their scores, equal scores as one step."""

    def __init__(self, kind: Kind, positive: Array, scores: Array, weight: Array) -> None:
        """Sort the rows once, for every resample.

        Args:
            kind: of the curve.
            positive: boolean, which rows are of the class.
            scores: how sure the model is of that.
            weight: how much each row counts.
        """
        self.kind, self._order = kind, np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        self._positive = positive[self._order]
        self._weight = weight[self._order]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._order)

    def values(self, counts: Array) -> tuple[Array, Array]:
        """The area of each resample, and the weight of the class in it; NaN where a side is empty."""
        hits, misses = self._steps(counts)
        positives, negatives = hits.sum(axis=1), misses.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.kind == "roc_auc":
                # For each positive the negatives that are ranked below it, and half of those beside it.
                below = negatives[:, None] - np.cumsum(misses, axis=1) + misses / 2
                area = (hits * below).sum(axis=1) / (positives * negatives)
            else:
                found = np.cumsum(hits, axis=1)
                ranked = found + np.cumsum(misses, axis=1)
                precision = np.where(ranked > 0, found / ranked, 0)
                area = (hits * precision).sum(axis=1) / positives
        return area, positives

    def influences(self) -> tuple[Array, float, float]:
        """The derivative of the area by each row's count, in the rows' own order; the area; the class's weight.

        For the ROC curve these are the placement values of DeLong, DeLong and Clarke-Pearson, Comparing the Areas under
        Two or More Correlated Receiver Operating Characteristic Curves (1988).
        """
        hits, misses = (side[0] for side in self._steps(np.ones((1, len(self._order)))))
        positives, negatives = hits.sum(), misses.sum()
        step = np.repeat(np.arange(len(self._starts)), np.diff([*self._starts, len(self._order)]))
        if self.kind == "roc_auc":
            below = negatives - np.cumsum(misses) + misses / 2
            above = np.cumsum(hits) - hits / 2
            area = float((hits * below).sum() / (positives * negatives))
            change = np.where(self._positive, (below[step] / negatives - area) / positives, 0)
            change = np.where(self._positive, change, (above[step] / positives - area) / negatives)
        else:
            found = np.cumsum(hits)
            ranked = found + np.cumsum(misses)
            area = float((hits * found / ranked).sum() / positives)
            # A row changes the precision at its own step and at every later one.
            lost = _from_here(hits * found / ranked**2) / positives
            gained = _from_here(hits / ranked) / positives
            change = np.where(self._positive, (found / ranked)[step] / positives - area / positives + gained[step], 0)
            change = change - lost[step]
        result = np.empty(len(change))
        result[self._order] = change * self._weight
        return result, area, float(positives)

    def members(self) -> Array:
        """The weights of the class's rows, and 0 for others, in the rows' own order."""
        result = np.zeros(len(self._order))
        result[self._order] = np.where(self._positive, self._weight, 0)
        return result

    def _steps(self, counts: Array) -> tuple[Array, Array]:
        ordered = counts[:, self._order] * self._weight
        hits = np.add.reduceat(np.where(self._positive, ordered, 0), self._starts, axis=1)
        misses = np.add.reduceat(np.where(self._positive, 0, ordered), self._starts, axis=1)
        return hits, misses


class Ranks(NamedTuple):
    """The mean of several curves, weighted by the classes' sizes (`by_size`) or not."""

    curves: tuple[Curve, ...]
    by_size: bool

    def values(self, counts: Array) -> Array:
        """The metric of each resample; `counts`, shape [resamples, rows], says how often each row is in it."""
        areas, sizes = (np.array(side) for side in zip(*(curve.values(counts) for curve in self.curves), strict=True))
        shares = sizes if self.by_size else np.ones_like(sizes)
        mean: Array = (areas * shares).sum(axis=0) / shares.sum(axis=0)
        return mean

    def influences(self) -> Array:
        """The derivative of the metric by each row's count, shape [rows]."""
        found = [curve.influences() for curve in self.curves]
        sizes = np.array([size for _, _, size in found])
        shares = sizes / sizes.sum() if self.by_size else np.full(len(found), 1 / len(found))
        total: Array = sum(share * change for share, (change, _, _) in zip(shares, found, strict=True))
        if not self.by_size or len(found) == 1:
            return total
        mean = float(sum(share * area for share, (_, area, _) in zip(shares, found, strict=True)))
        for curve, (_, area, _) in zip(self.curves, found, strict=True):
            total = total + curve.members() * (area - mean) / sizes.sum()
        return total


def _from_here(values: Array) -> Array:
    """For each step the sum over it and all later ones."""
    later: Array = np.cumsum(values[::-1])[::-1]
    return later
