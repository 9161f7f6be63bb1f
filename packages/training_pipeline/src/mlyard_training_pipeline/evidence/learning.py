"""The learning curve: what more rows would bring."""

from typing import Any

import numpy as np
from mlyard_shared.metrics import METRICS, MetricName

from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.evidence.allowance import Allowance
from mlyard_training_pipeline.evidence.classification import Plot
from mlyard_training_pipeline.evidence.sample import Sample

_SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
_MORE = 1.5
"""How much longer than by the number of rows the next point may take."""


def curve(sample: Sample, metric: MetricName, allowance: Allowance, what: str) -> Plot | None:
    """The scores by the number of rows, as far as there is time; None where there are not two points."""
    from sklearn.model_selection import learning_curve

    most = min((len(fit) for fit, _ in sample.splits), default=0)
    sizes = sorted({int(most * share) for share in _SHARES if most * share >= 2})
    expected, points = sample.seconds * len(sample.splits) * (sizes[0] if sizes else 0), []
    for number, size in enumerate(sizes):
        if not allowance.allows(expected * _MORE, f"{what} from {size} rows on"):
            break
        begun = allowance.spent
        (taken,), (train,), (test,) = learning_curve(
            sample.pipeline,
            sample.matrix,
            sample.target,
            train_sizes=[size],
            cv=sample.splits,
            scoring=sample.score,
            params=sample.parameters,
            shuffle=True,
            random_state=estimators.SEED,
            error_score=np.nan,
        )
        if np.isfinite(test).all():
            points.append((taken, train, test))
        following = sizes[number + 1] if number + 1 < len(sizes) else size
        expected = (allowance.spent - begun) * following / size
    return None if len(points) < 2 else lambda axes: _draw(axes, points, metric)


def _draw(axes: Any, points: list[tuple[Any, Any, Any]], metric: MetricName) -> None:
    from sklearn.model_selection import LearningCurveDisplay

    sizes, train, test = zip(*points, strict=True)
    LearningCurveDisplay(
        train_sizes=np.array(sizes), train_scores=np.array(train), test_scores=np.array(test), score_name=metric
    ).plot(ax=axes, negate_score=METRICS[metric].negated)
    axes.set(xlabel="rows that it was fitted on", ylabel=metric, title="Learning curve")
