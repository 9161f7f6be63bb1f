"""Every metric as a function of resamples, against scikit-learn over the rows of the resample."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.predictions import DECISION, Predictions, decided
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging.rows import Judged
from mlyard_training_pipeline.judging.statistics import statistic

ROWS = 60
CASES = [
    (metric, classes)
    for metric in get_args(MetricName)
    for classes in ((2, 3) if METRICS[metric].task == "classification" else (0,))
]


def example(classes: int, seed: int) -> tuple[Judged, Predictions, Measures]:
    """Rows with weights and predictions of a middling model, many of them with equal scores."""
    draw = np.random.default_rng(seed)
    weights = draw.uniform(0.5, 2, ROWS)
    if not classes:
        numbers = draw.normal(5, 1, ROWS)
        return Judged(numbers, 0, weights), Predictions(numbers + draw.normal(size=ROWS)), Measures(quantile=0.8)
    truth = np.arange(ROWS) % classes
    scores = np.exp(draw.normal(size=(ROWS, classes)).round(1) + np.eye(classes)[truth])
    costs = draw.uniform(0, 5, (classes, classes)) * (1 - np.eye(classes))
    measures = Measures(classes, 1 if classes == 2 else None, beta=2.0, costs=costs)
    return Judged(truth, classes, weights), decided(scores / scores.sum(axis=1, keepdims=True), DECISION), measures


def drawn(metric: MetricName, judged: Judged, found: Predictions, measures: Measures, counts: Array) -> float:
    """scikit-learn's score where each row is there as often as it was drawn."""
    rows = np.repeat(np.arange(ROWS), counts)
    chosen = judged.of(rows)
    return scoring.score(metric, chosen.truth, found.of(rows), measures, chosen.weights)


@pytest.mark.parametrize(("metric", "classes"), CASES)
@settings(max_examples=6, deadline=None, database=None)
@given(seed=st.integers(0, 10**6))
def test_a_resample_has_the_score_that_scikit_learn_gives_its_rows(metric: MetricName, classes: int, seed: int) -> None:
    judged, found, measures = example(classes, seed)
    counts = np.random.default_rng(seed + 1).integers(0, 3, (4, ROWS))
    counts[:, :6] = 1  # of each class some rows
    values = statistic(metric, judged, found, measures).values(counts.astype(np.float64))
    expected = [drawn(metric, judged, found, measures, row) for row in counts]
    assert values == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("metric", "classes"), CASES)
def test_the_influence_of_a_row_is_what_the_metric_loses_without_it(metric: MetricName, classes: int) -> None:
    judged, found, measures = example(classes, 3)
    made = statistic(metric, judged, found, measures)
    whole = made.values(np.ones((1, ROWS)))
    without = made.values(1 - np.eye(ROWS))
    expected = whole - without
    if metric in ("roc_auc", "average_precision"):  # which give the derivative
        expected = (made.values(1 + 1e-6 * np.eye(ROWS)) - whole) / 1e-6
    assert made.influences() == pytest.approx(expected, abs=1e-6)


def test_the_influences_on_the_area_under_the_curve_give_the_standard_error_of_delong() -> None:
    # Hanley and McNeil (1982), Table II, has no rows; this is the closed form of DeLong et al. (1988), section 2.
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.35, 0.6, 0.1, 0.7, 0.4, 0.2, 0.35])
    made = statistic(
        "roc_auc", Judged(truth, 2), Predictions(truth, np.column_stack([1 - scores, scores])), Measures(2, 1)
    )
    pairs = (scores[truth == 1][:, None] > scores[truth == 0]) + 0.5 * (
        scores[truth == 1][:, None] == scores[truth == 0]
    )
    area = pairs.mean()
    assert made.values(np.ones((1, 9)))[0] == pytest.approx(area)
    of_positives, of_negatives = pairs.mean(axis=1), pairs.mean(axis=0)
    variance = of_positives.var() / 4 + of_negatives.var() / 5
    assert (made.influences() ** 2).sum() == pytest.approx(variance)
