"""The paired bootstrap: how much better one model is than another on the same rows, and how sure that is.

Rows, or whole groups or stretches of time (`blocks`), are drawn with replacement, the same ones for both models.
Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 13 (percentile intervals).

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
from mlyard_training_pipeline.judging import blocks, sums
from mlyard_training_pipeline.judging.blocks import Units
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
    pair, influence, units = _together(metric, judged, (candidate, champion), measures)
    scores = [float(one.values(np.ones((1, len(judged.truth))))[0]) for one in pair]
    value = METRICS[metric].gain(candidate=scores[0], champion=scores[1])
    # Of two rows that tell the models apart alike the first is taken: the last digits must not decide.
    of_blocks = np.round(_of_blocks(influence, units), 12)
    most = int(np.argmax(np.abs(of_blocks)))
    if of_blocks[most] == 0 and value == 0:
        return Gain(value=0.0, low=0.0, high=0.0, level=level, rows=len(judged.truth))
    order, units_more = _mirrored(units, most)
    exchanged = units_more.places >= units.total + units.block
    judged_more = judged.of(order)
    more = (_mixed(candidate, champion, order, exchanged), _mixed(champion, candidate, order, exchanged))
    pair = [statistic(metric, judged_more, one, measures) for one in more]
    drawn = resampled(pair, units_more, resamples=max(RESAMPLES, round(_BEYOND / (1 - level))))
    gains = (drawn[0] - drawn[1]) * (-1 if METRICS[metric].negated else 1)
    # A resample without a row of some class has no area under its curve.
    known = gains[np.isfinite(gains)]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (value, value)
    return Gain(value=value, low=float(low), high=float(high), level=level, rows=len(judged.truth))


def drawn_together(
    metric: MetricName, judged: Judged, candidate: Predictions, champion: Predictions, measures: Measures
) -> Units:
    """What the interval of a gain draws together."""
    return _together(metric, judged, (candidate, champion), measures)[2]


def _together(
    metric: MetricName, judged: Judged, both: tuple[Predictions, Predictions], measures: Measures
) -> tuple[list[Statistic], Array, Units]:
    """The metric of both, how much each row speaks for one of them, and what is drawn."""
    pair = [statistic(metric, judged, one, measures) for one in both]
    influence = np.nan_to_num(pair[0].influences() - pair[1].influences())
    return pair, influence, blocks.units(judged, influence)


def standard_error(
    metric: MetricName, judged: Judged, predictions: Predictions, measures: Measures, *, resamples: int = RESAMPLES
) -> float:
    """The standard error of a metric over these rows."""
    found = statistic(metric, judged, predictions, measures)
    units = blocks.units(judged, np.nan_to_num(found.influences()))
    drawn = resampled([found], units, resamples=resamples)[0]
    known = drawn[np.isfinite(drawn)]
    return float(np.std(known)) if len(known) else 0.0


def resampled(statistics: list[Statistic], units: Units, *, resamples: int = RESAMPLES) -> Array:
    """Each statistic over the same resamples, shape [statistics, resamples].

    Args:
        statistics: over the same rows.
        units: what is drawn together.
        resamples: how many.
    """
    draw = np.random.default_rng(_SEED)
    found, rows = [_linear(one) for one in statistics], _rows(statistics[0])
    places = units.of_rows
    if all(isinstance(one, Sums) for one in found):
        units = units.pooled(_MOST_UNITS)
        if (places := units.of_rows) is not None:
            found, places = [one.pooled(places, units.total) for one in found if isinstance(one, Sums)], None
    parts_of_resamples = []
    step = max(1, _CELLS // max(units.total if places is None else rows, 1))
    for start in range(0, resamples, step):
        counts = units.counts(draw, min(step, resamples - start))
        of_rows = counts if places is None else counts[:, places]
        parts_of_resamples.append(np.array([one.values(of_rows) for one in found]))
    return np.concatenate(parts_of_resamples, axis=1)


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


def _of_blocks(influence: Array, units: Units) -> Array:
    """How much each block of units speaks for one of the two, by its first unit."""
    of_units: Array = np.bincount(units.places, weights=influence, minlength=units.total)
    return np.convolve(of_units, np.ones(units.block), mode="valid")


def _mirrored(units: Units, first: int) -> tuple[Array, Units]:
    """The order of the rows with those of one block twice more behind them, and the units of that."""
    places, count, block = units.places, units.total, units.block
    again = np.flatnonzero((places >= first) & (places < first + block))
    moved = places[again] - first + count
    order = np.concatenate([np.arange(len(places)), again, again])
    more = None if units.of_rows is None else np.concatenate([places, moved, moved + block])
    return order, Units(count + 2 * block, more, block)


def _mixed(first: Predictions, second: Predictions, order: Array, exchanged: Array) -> Predictions:
    labels = np.where(exchanged, second.labels[order], first.labels[order])
    if first.probabilities is None or second.probabilities is None:
        return Predictions(labels)
    return Predictions(labels, np.where(exchanged[:, None], second.probabilities[order], first.probabilities[order]))
