"""Permutation importance: what a score loses where an input is mixed among the rows (Breiman, Random Forests, 2001)."""

from typing import Any

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.metrics import MetricName

from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.evidence.allowance import Allowance
from mlyard_training_pipeline.evidence.classification import BY_LABELS, Plot
from mlyard_training_pipeline.evidence.sample import Sample

_REPEATS = 5
_PART = 0.4
"""Of the time that is left, for the fit and for the first repeat each."""
_FEWEST = 50
"""Rows; fewer say nothing."""
_SHOWN = 20


def importance(sample: Sample, metric: MetricName, allowance: Allowance, what: str) -> Plot | None:
    """The inputs that matter most, on rows of the last fold that it was not fitted on; None where there is no time."""
    from sklearn.inspection import permutation_importance

    if not sample.splits:
        return None
    fit, test = sample.splits[-1]
    # Fewer rows, mixed already, where all of them would take too long.
    most = int(_PART * allowance.left / max(sample.seconds, 1e-9))
    fit = np.random.default_rng(estimators.SEED).permutation(fit)[: max(most, _FEWEST)]
    if not allowance.allows(sample.seconds * len(fit), what):
        return None
    fitted = sample.fit(fit)
    begun = allowance.spent
    base = sample.score(fitted, sample.matrix[test], sample.target[test])
    once = (allowance.spent - begun) * (len(sample.inputs) + 1)
    share = min(1.0, max(_FEWEST / len(test), _PART * allowance.left / max(once, 1e-9)))
    rows = test[: max(1, round(share * len(test)))]
    once *= share
    found: list[Array] = []
    for repeat in range(_REPEATS):
        told = what if not found else f"{what}, the repeats from {repeat + 1} on"
        if not np.isfinite(base) or not allowance.allows(once, told):
            break
        begun = allowance.spent
        mixed = permutation_importance(
            fitted,
            sample.matrix[rows],
            sample.target[rows],
            scoring=sample.score,
            n_repeats=1,
            n_jobs=1,
            random_state=estimators.SEED + repeat,
        )
        found.append(mixed.importances[:, 0])
        once = allowance.spent - begun
    if not found:
        return None
    return lambda axes: _draw(axes, np.array(found), sample.inputs, metric, len(rows))


def _draw(axes: Any, found: Array, inputs: tuple[str, ...], metric: MetricName, rows: int) -> None:
    order = np.argsort(found.mean(axis=0))[-_SHOWN:]
    axes.barh(range(len(order)), found.mean(axis=0)[order], xerr=found.std(axis=0)[order])
    axes.set_yticks(range(len(order)), [inputs[place] for place in order])
    axes.set(xlabel=f"what {metric} loses, over {rows} rows", title=f"Permutation importance, {len(found)} times")
    axes.figure.set_layout_engine(BY_LABELS)
