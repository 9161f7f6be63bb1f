"""The paired bootstrap: how much better one model is than another on the same rows, and how sure that is.

Rows, or whole groups of rows, are drawn with replacement, the same ones for both models. Source: Efron and Tibshirani,
An Introduction to the Bootstrap (1993), chapters 6 and 13 (percentile intervals).

Where two models differ in a few rows alone, percentile intervals are too short: 6 rows won and none lost would be sure
at 99 %, where a fair coin does as much in 1.6 % of all cases. So two rows are added before rows are drawn: the one that
tells the two models apart the most, and its mirror image, in which they have changed places. With that a metric of
wins and losses is as sure as the exact sign test, and many rows hardly notice.
"""

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.gate import Gain
from mlyard_shared.metrics import METRICS, MetricName

from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging import sums
from mlyard_training_pipeline.judging.ranks import Ranks
from mlyard_training_pipeline.judging.rows import Judged
from mlyard_training_pipeline.judging.statistics import Statistic, statistic
from mlyard_training_pipeline.judging.sums import Sums

RESAMPLES = 2_000
_SEED = 20_260_102
_BEYOND = 20
"""How many resamples are to lie outside of the interval at least, on both sides together."""

_MOST_UNITS = 10_000
"""More rows are put into so many parts at random, and the parts are drawn: sums of many rows vary in the same way."""

_MOST_RANKED = 20_000
"""Rows times curves up to which each resample is ranked; beyond, the influence of each row is as good."""

_CELLS = 2_000_000
"""How many counts are made at a time."""


def gain(
    metric: MetricName,
    judged: Judged,
    candidate: Predictions,
    champion: Predictions,
    measures: Measures,
    *,
    level: float,
) -> Gain:
    """How much better the candidate is than the champion, with the interval of a level; the same each time."""
    pair = [statistic(metric, judged, one, measures) for one in (candidate, champion)]
    scores = [float(one.values(np.ones((1, len(judged.truth))))[0]) for one in pair]
    value = METRICS[metric].gain(candidate=scores[0], champion=scores[1])
    # Of two rows that tell the models apart alike the first is taken: the last digits must not decide.
    influence = np.round(_unit_influence(judged, pair), 12)
    most = int(np.argmax(np.abs(influence)))
    if influence[most] == 0 and value == 0:
        return Gain(value=0.0, low=0.0, high=0.0, level=level, rows=len(judged.truth))
    judged_more, more = _mirrored(judged, candidate, champion, most)
    pair = [statistic(metric, judged_more, one, measures) for one in more]
    drawn = resampled(pair, judged_more.groups, resamples=max(RESAMPLES, round(_BEYOND / (1 - level))))
    gains = (drawn[0] - drawn[1]) * (-1 if METRICS[metric].negated else 1)
    # A resample without a row of some class has no area under its curve.
    known = gains[np.isfinite(gains)]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (value, value)
    return Gain(value=value, low=float(low), high=float(high), level=level, rows=len(judged.truth))


def standard_error(
    metric: MetricName, judged: Judged, predictions: Predictions, measures: Measures, *, resamples: int = RESAMPLES
) -> float:
    """The standard error of a metric over these rows."""
    drawn = resampled([statistic(metric, judged, predictions, measures)], judged.groups, resamples=resamples)[0]
    known = drawn[np.isfinite(drawn)]
    return float(np.std(known)) if len(known) else 0.0


def resampled(statistics: list[Statistic], groups: Array | None, *, resamples: int = RESAMPLES) -> Array:
    """Each statistic over the same resamples, shape [statistics, resamples].

    Args:
        statistics: over the same rows.
        groups: which rows are drawn together, where they are not drawn one by one.
        resamples: how many.
    """
    draw = np.random.default_rng(_SEED)
    found, rows = [_linear(one) for one in statistics], _rows(statistics[0])
    units = None if groups is None else np.unique(groups, return_inverse=True)[1]
    count = rows if units is None else int(units.max()) + 1
    if count > _MOST_UNITS and all(isinstance(one, Sums) for one in found):
        parts = draw.permutation(count) % _MOST_UNITS
        units, count = parts if units is None else parts[units], _MOST_UNITS
    if units is not None and all(isinstance(one, Sums) for one in found):
        found, units = [one.pooled(units, count) for one in found if isinstance(one, Sums)], None
    parts_of_resamples = []
    step = max(1, _CELLS // max(rows if units is not None else count, 1))
    for start in range(0, resamples, step):
        counts = _counts(draw, min(step, resamples - start), count)
        of_rows = counts if units is None else counts[:, units]
        parts_of_resamples.append(np.array([one.values(of_rows) for one in found]))
    return np.concatenate(parts_of_resamples, axis=1)


def _counts(draw: np.random.Generator, resamples: int, count: int) -> Array:
    """How often each of some units is drawn, shape [resamples, count]."""
    chosen = draw.integers(0, count, (resamples, count), dtype=np.int64) + np.arange(resamples)[:, None] * count
    counts = np.bincount(chosen.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count).astype(np.float64)


def _linear(one: Statistic) -> Statistic:
    """The statistic, or one of sums that behaves alike where ranking each resample would take long."""
    if not isinstance(one, Ranks) or _rows(one) * len(one.curves) <= _MOST_RANKED:
        return one
    influences = one.influences()
    value = float(one.values(np.ones((1, len(influences))))[0])
    return sums.mean(influences * len(influences) + value, np.ones(len(influences)))


def _rows(one: Statistic) -> int:
    if isinstance(one, Ranks):
        return one.curves[0].rows
    assert isinstance(one, Sums)  # noqa: S101 - there are two kinds
    return int(one.rows.shape[0])


def _unit_influence(judged: Judged, pair: list[Statistic]) -> Array:
    """How much each row, or group of rows, speaks for one of the two."""
    influence: Array = np.nan_to_num(pair[0].influences() - pair[1].influences())
    if judged.groups is None:
        return influence
    of_groups: Array = np.bincount(np.unique(judged.groups, return_inverse=True)[1], weights=influence)
    return of_groups


def _mirrored(
    judged: Judged, candidate: Predictions, champion: Predictions, unit: int
) -> tuple[Judged, tuple[Predictions, Predictions]]:
    """The rows with those of one unit twice more, the second time with the two models' predictions exchanged."""
    places = np.arange(len(judged.truth))
    if judged.groups is None:
        again = places[[unit]]
    else:
        again = places[np.unique(judged.groups, return_inverse=True)[1] == unit]
    order = np.concatenate([places, again, again])
    more = judged.of(order)
    if judged.groups is not None:
        last = int(judged.groups.max())
        new = np.repeat([last + 1, last + 2], len(again))
        more = more._replace(groups=np.concatenate([judged.groups, new]))
    exchanged = np.arange(len(order)) >= len(order) - len(again)
    return more, (_mixed(candidate, champion, order, exchanged), _mixed(champion, candidate, order, exchanged))


def _mixed(first: Predictions, second: Predictions, order: Array, exchanged: Array) -> Predictions:
    labels = np.where(exchanged, second.labels[order], first.labels[order])
    if first.probabilities is None or second.probabilities is None:
        return Predictions(labels)
    return Predictions(labels, np.where(exchanged[:, None], second.probabilities[order], first.probabilities[order]))
