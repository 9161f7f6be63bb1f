"""What a reader has to know about a score: how much of it may be luck."""

from functools import lru_cache
from statistics import NormalDist

import numpy as np

_SURE = 0.95
"""How sure a gap between cross-validation and holdout has to be before it is told."""

_NORMAL = NormalDist()


@lru_cache
def expected_maximum(draws: int) -> float:
    """The expected largest of some independent standard normal numbers: 0, 0.5642, 0.8463, 1.0294, ...

    Source: Teichroew, Tables of Expected Values of Order Statistics (1956); integrated here.
    """
    ends = np.linspace(-10, 10, 20_001)
    below = np.array([_NORMAL.cdf(end) for end in ends])
    return float(np.trapezoid(np.heaviside(ends, 0.5) - below**draws, ends))


def optimism(uses: int, standard_error: float) -> str | None:
    """By how much the best of so many equal models looks too good on one holdout, in a sentence; None of one."""
    if uses < 2:
        return None
    luck = expected_maximum(uses) * standard_error
    return (
        f"the holdout was used by {uses} trainings: of {uses} equally good models the best looks better than it is by "
        f"up to {luck:.2g}"
    )


def folds_error(deviation: float, folds: int) -> float:
    """The standard error of a mean over folds, whose training rows overlap.

    Args:
        deviation: the standard deviation of the folds' scores, divided by their number.
        folds: how many there are.

    Source: Nadeau and Bengio, Inference for the Generalization Error (2003): a share 1 / (folds - 1) is added to the
    variance for what the folds have in common.
    """
    variance = deviation**2 * folds / (folds - 1)
    return float(np.sqrt(variance * (1 / folds + 1 / (folds - 1))))


def gap(metric: str, *, folds: tuple[float, float], holdout: tuple[float, float]) -> str | None:
    """In a sentence, that cross-validation and holdout differ by more than chance allows; None where they do not.

    Args:
        metric: what both are in.
        folds: the score and its standard error.
        holdout: the score and its standard error.
    """
    difference = abs(folds[0] - holdout[0])
    allowed = _NORMAL.inv_cdf((1 + _SURE) / 2) * float(np.hypot(folds[1], holdout[1]))
    if difference <= allowed:
        return None
    return (
        f"{metric} is {folds[0]:.4g} over the folds and {holdout[0]:.4g} on the holdout: a gap of {difference:.2g}, "
        f"where chance allows {allowed:.2g}; the holdout's rows may be of another kind, such as later or other groups"
    )
