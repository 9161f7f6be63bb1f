"""How sure an answer is: intervals and sets of classes from the conformal quantiles of a manifest."""

import numpy as np

from mlyard_shared.decision import TOLERANCE
from mlyard_shared.engines.engine import Output
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest


def intervals(output: Output, manifest: Manifest) -> dict[float, Array]:
    """By level, the ends of each row's interval, float64 [n, 2]; nothing without quantiles of residuals."""
    conformal, numbers = manifest.conformal, output.predictions
    if conformal is None or conformal.score != "absolute_residual":
        return {}
    return {
        quantile.level: np.column_stack([numbers - quantile.value, numbers + quantile.value])
        for quantile in conformal.quantiles
    }


def sets(output: Output, manifest: Manifest) -> dict[float, Array]:
    """By level, whether each class is in a row's set, bool [n, classes]; nothing without quantiles of probabilities.

    As in decisions, numbers that are closer than the tolerance count as equal, so that every engine gives the same set.
    """
    conformal, probabilities = manifest.conformal, output.probabilities
    if conformal is None or conformal.score != "one_minus_probability" or probabilities is None:
        return {}
    tolerance = manifest.decision.tolerance if manifest.decision is not None else TOLERANCE
    return {quantile.level: probabilities >= 1 - quantile.value - tolerance for quantile in conformal.quantiles}
