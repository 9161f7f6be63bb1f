"""Metrics that are made of sums over rows, so that a resample is one row of a matrix product."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from mlyard_shared.features import Array


class Sums(NamedTuple):
    """A metric as a function of the sums of some numbers of each row.

    `rows` has the shape [rows, numbers], and may be sparse; `value` turns sums of shape [resamples, numbers] into
    metrics of shape [resamples]. `without` gives the metric without each row, where that is quicker than to take each
    row's numbers from the sums.
    """

    rows: Array
    value: Callable[[Array], Array]
    without: Callable[[], Array] | None = None

    def values(self, counts: Array) -> Array:
        """The metric of each resample; `counts`, shape [resamples, rows], says how often each row is in it."""
        return self.value(np.asarray(counts @ self.rows))

    def influences(self) -> Array:
        """By how much the metric is greater with each row than without it, shape [rows]."""
        total = np.asarray(self.rows.sum(axis=0))[None, :]
        influences: Array = self.value(total) - (
            self.value(total - self.rows) if self.without is None else self.without()
        )
        return influences

    def pooled(self, units: Array, count: int) -> "Sums":
        """The same metric over units of rows: `units` are below `count`, one for each row."""
        from scipy.sparse import csr_array

        members = csr_array((np.ones(len(units)), (units, np.arange(len(units)))), shape=(count, len(units)))
        return Sums(members @ self.rows, self.value)


def mean(losses: Array, weight: Array) -> Sums:
    """The weighted mean of a number of each row."""
    return Sums(np.column_stack([losses * weight, weight]), _ratio)


def root_mean(squares: Array, weight: Array) -> Sums:
    """The root of the weighted mean of a number of each row."""
    return Sums(np.column_stack([squares * weight, weight]), lambda sums: np.sqrt(np.maximum(_ratio(sums), 0)))


def determination(truth: Array, numbers: Array, weight: Array) -> Sums:
    """R²: the share of the target's variance that the numbers explain."""
    # Far from 0 the variance would be lost in the squares' last digits.
    centred = truth - np.average(truth, weights=weight)

    def value(sums: Array) -> Array:
        errors, squares, plain, total = sums.T
        variance = squares - _over(plain**2, total)
        return 1 - _over(errors, variance)

    return Sums(
        np.column_stack([(truth - numbers) ** 2, centred**2, centred, np.ones_like(centred)]) * weight[:, None], value
    )


class Labels(NamedTuple):
    """Labels and the truth as indices of classes, and how much each row counts. A label below 0 is no class."""

    truth: Array
    said: Array
    classes: int
    weight: Array


def by_class(found: Labels, of_counts: Callable[[Array, Array, Array], Array], *, only: int | None = None) -> Sums:
    """The mean over classes of a function of true positives, rows said to be of the class, and rows of the class.

    Args:
        found: the labels.
        of_counts: the function; classes for which it is not a number do not count.
        only: the class to look at, in place of all.
    """
    from scipy.sparse import csr_array

    truth, labels, classes, weight = found
    known = labels >= 0
    places = (
        (np.flatnonzero(truth == labels), truth[truth == labels]),
        (np.flatnonzero(known), labels[known] + classes),
        (np.arange(len(truth)), truth + 2 * classes),
    )
    rows = np.concatenate([place[0] for place in places])
    columns = np.concatenate([place[1] for place in places])
    table = csr_array((weight[rows], (rows, columns)), shape=(len(truth), 3 * classes))

    def value(sums: Array) -> Array:
        hits, said, true = (sums[:, start : start + classes] for start in range(0, 3 * classes, classes))
        each = of_counts(hits, said, true)
        if only is not None:
            return np.nan_to_num(each[:, only])
        known = np.isfinite(each)
        return _over(np.where(known, each, 0).sum(axis=1), known.sum(axis=1))

    def without() -> Array:
        total = np.asarray(table.sum(axis=0))[None, :]
        hits, said, true = (total[0, start : start + classes] for start in range(0, 3 * classes, classes))
        before, right = of_counts(hits, said, true), (truth == labels) * weight
        own = of_counts(hits[truth] - right, said[truth] - right, true[truth] - weight) - before[truth]
        # A wrong label also counts against the class that it names.
        wrong, named = known & (truth != labels), np.maximum(labels, 0)
        other = of_counts(hits[named], said[named] - weight, true[named]) - before[named]
        other = np.where(wrong, np.nan_to_num(other), 0)
        if only is not None:
            return value(total) + np.where(truth == only, np.nan_to_num(own), 0) + np.where(named == only, other, 0)
        changes: Array = value(total) + (np.nan_to_num(own) + other) / np.isfinite(before).sum()
        return changes

    return Sums(table, value, without)


def recall(hits: Array, _: Array, true: Array) -> Array:
    """How many rows of a class are found."""
    return _over(hits, true)


def f_measure(beta: float) -> Callable[[Array, Array, Array], Array]:
    """Of precision and recall, which weighs `beta` times as much."""

    def value(hits: Array, said: Array, true: Array) -> Array:
        return _over((1 + beta**2) * hits, beta**2 * true + said)

    return value


def _ratio(sums: Array) -> Array:
    return _over(sums[:, 0], sums[:, 1])


def _over(numerator: Array, denominator: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Array = np.where(denominator > 0, numerator / denominator, np.nan)
    return quotient
