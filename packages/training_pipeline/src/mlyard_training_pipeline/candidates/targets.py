"""Regressors that are fitted on a function of the target, and whose answers are in the target's own units."""

from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.manifest.current import TargetTransform
from mlyard_shared.spec import Candidate

STEP = "regressor__"
"""What the names of the inner estimator's parameters begin with."""


class _Function(NamedTuple):
    forth: Any
    back: Any
    least: float | None = None
    """The target is above it, or for a square root not below it."""


_FUNCTIONS = {
    "log": _Function(np.log, np.exp, 0.0),
    "log1p": _Function(np.log1p, np.expm1, -1.0),
    "sqrt": _Function(np.sqrt, np.square, 0.0),
}
_POWERS = {"yeo_johnson": "yeo-johnson", "box_cox": "box-cox"}


def wrapped(made: Any, transform: str | None) -> Any:
    """An estimator over a transformed target; itself where nothing is transformed."""
    if transform is None:
        return made
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import PowerTransformer

    if transform in _POWERS:
        # Without its own scaling, which says nothing that a manifest could not.
        power = PowerTransformer(method=_POWERS[transform], standardize=False)
        return TransformedTargetRegressor(made, transformer=power, check_inverse=False)
    function = _FUNCTIONS[transform]
    return TransformedTargetRegressor(made, func=function.forth, inverse_func=function.back, check_inverse=False)


def is_wrapped(made: Any) -> bool:
    """Whether an estimator is fitted on a transformed target."""
    return type(made).__name__ == "TransformedTargetRegressor"


def problem(candidate: Candidate, target: Array, name: str) -> str | None:
    """Why a target cannot be transformed."""
    transform, least = candidate.target_transform, float(target.min())
    if transform == "box_cox" or transform in _FUNCTIONS:
        bound = 0.0 if transform == "box_cox" else _FUNCTIONS[transform].least
        assert bound is not None  # noqa: S101 - each of these has one
        if least < bound or (least == bound and transform != "sqrt"):
            relation = "at least" if transform == "sqrt" else "above"
            return (
                f'target_transform: "{transform}" needs a target {relation} {bound:g}, and the smallest {name!r} is '
                f'{least:g}: say "yeo_johnson", or leave it out'
            )
    return None


def declared(candidate: Candidate, fitted: Any) -> TargetTransform | None:
    """What a manifest says of a fitted estimator's target."""
    if candidate.target_transform is None:
        return None
    power = float(fitted.transformer_.lambdas_[0]) if candidate.target_transform in _POWERS else None
    return TargetTransform(kind=candidate.target_transform, power=power)
