from typing import get_args

import pytest
from mlyard_shared.metrics import METRICS, MetricName
from sklearn.metrics import get_scorer

OF_SCIKIT_LEARN = [name for name in get_args(MetricName) if METRICS[name].scorer]


@pytest.mark.parametrize("name", OF_SCIKIT_LEARN)
def test_every_scorer_of_scikit_learn_is_there_and_in_the_right_direction(name: MetricName) -> None:
    metric = METRICS[name]
    assert metric.scorer is not None
    assert metric.negated == (get_scorer(metric.scorer)._sign == -1)
    assert metric.negated == metric.scorer.startswith("neg_")


def test_metrics_with_parameters_of_their_own_have_no_scorer() -> None:
    assert set(get_args(MetricName)) - set(OF_SCIKIT_LEARN) == {"f_beta", "cost", "pinball"}


def test_a_greater_accuracy_and_a_smaller_error_are_gains() -> None:
    assert METRICS["accuracy"].gain(candidate=0.9, champion=0.75) == pytest.approx(0.15)
    assert METRICS["rmse"].gain(candidate=2.0, champion=3.0) == 1.0
    assert METRICS["rmse"].gain(candidate=3.0, champion=2.0) == -1.0


def test_a_score_is_shown_in_the_metrics_own_sign() -> None:
    assert METRICS["rmse"].value(-2.5) == 2.5
    assert METRICS["r2"].value(-0.5) == -0.5
