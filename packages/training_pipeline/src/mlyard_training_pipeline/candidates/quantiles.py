"""Which quantile an estimator estimates, beside the one that the metric `pinball` scores."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import estimators

_LOSSES = ("loss", "objective", "objective_type", "application", "app", "strategy")
"""Parameters that say what is estimated: scikit-learn's, the boosters', LightGBM's other names, and a dummy's."""

_WHICH = ("quantile", "quantile_alpha", "alpha", "default_quantiles")
_LIGHTGBM = 0.9
"""What LightGBM estimates where nothing is said."""


class _Quantile(NamedTuple):
    """What a parameter says is estimated."""

    estimator: str
    parameter: str
    value: Any


def problems(made: Any, spec: ModelSpec) -> Iterator[str]:
    """What an unfitted estimator estimates that the spec does not score, in a sentence each."""
    found = list(filter(None, map(_estimated, _answering(made))))
    several = [one for one in found if np.ndim(one.value) and len(one.value) > 1]
    for name, parameter, value in several:
        yield f"{name} estimates several quantiles at once ({parameter} = {value}), and a spec has one target: say one"
    wanted = spec.scoring.quantile
    if spec.metric != "pinball" or wanted is None or several:
        return
    for name, parameter, value in found:
        if not np.allclose(value, wanted, rtol=0, atol=1e-9):
            yield (
                f"{name} estimates another quantile ({parameter} = {value}) than pinball scores (scoring.quantile = "
                f"{wanted:g}): say the same in both, such as {parameter} = {wanted:g}"
            )


def _answering(made: Any) -> Iterator[Any]:
    """The estimators whose answers a wrapper gives: the last one's of a stack, the members' mean of others."""
    known = made.get_params(deep=False)
    if "final_estimator" in known:
        inner = [] if known["final_estimator"] is None else [known["final_estimator"]]
    else:
        inner = estimators.within(made)
        if not inner:
            yield made
    for one in inner:
        yield from _answering(one)


def _estimated(made: Any) -> _Quantile | None:
    known, name = made.get_params(deep=False), type(made).__name__
    said = any("quantile" in str(known.get(loss)) for loss in _LOSSES)
    if not said and "Quantile" not in name:
        return None
    for parameter in _WHICH:
        if known.get(parameter) is not None:
            return _Quantile(name, parameter, known[parameter])
    return _Quantile(name, "alpha", _LIGHTGBM) if name.startswith("LGBM") else None
