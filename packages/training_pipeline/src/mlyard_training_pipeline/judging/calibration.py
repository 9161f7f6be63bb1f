"""How far probabilities are from what they promise."""

import numpy as np
from mlyard_shared.features import Array

LEAST_ROWS = 150
"""Fewer rows say nothing: a bin would have fewer than ten."""

_BINS = 15


def error(truth: Array, probabilities: Array, weight: Array) -> float:
    """The root of the mean squared calibration error over bins of equally many rows, less what chance adds to it.

    Of two classes that of the second one's probability; of more that of the largest probability, as a promise that the
    label is right. It is 0 where probabilities are as good as chance can tell.

    Source: Kumar, Liang and Ma, Verified Uncertainty Calibration (2019), the debiased estimator of definition 4.1.
    """
    if probabilities.shape[1] == 2:
        promised, right = probabilities[:, 1], truth == 1
    else:
        promised, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    order = np.argsort(promised, kind="stable")
    total = 0.0
    for rows in np.array_split(order, _BINS):
        share = np.average(right[rows], weights=weight[rows])
        # Of unequal weights so many equal ones would be as sure (Kish's effective sample size).
        count = weight[rows].sum() ** 2 / (weight[rows] ** 2).sum()
        by_chance = share * (1 - share) / max(count - 1, 1)
        distance = np.average(promised[rows], weights=weight[rows]) - share
        total += (distance**2 - by_chance) * weight[rows].sum() / weight.sum()
    return float(np.sqrt(max(total, 0.0)))
