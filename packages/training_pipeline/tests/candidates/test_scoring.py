from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.metrics import MetricName
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures, problems, score, scores
from mlyard_training_pipeline.candidates.search import search

TRUTH = np.array([0, 0, 1, 2])
THREE = Measures(3)
SURE = Predictions(TRUTH, np.eye(3)[TRUTH])
LABELS = Predictions(np.array([1, 1, 0, 1, 0, 0]))
YES = np.array([1, 1, 1, 0, 0, 0])


def test_every_metric_of_a_classification_knows_a_perfect_answer() -> None:
    found = scores("classification", TRUTH, SURE, THREE)
    assert found.pop("log_loss") == pytest.approx(0, abs=1e-9)
    assert found.pop("brier") == 0
    assert set(found) == {"accuracy", "balanced_accuracy", "f1_macro", "f_beta", "roc_auc", "average_precision"}
    assert set(found.values()) == {1}


def test_every_metric_of_a_regression_is_in_its_own_sign() -> None:
    found = scores(
        "regression", np.array([1.0, 2.0, 4.0]), Predictions(np.array([2.0, 3.0, 5.0])), Measures(quantile=0.9)
    )
    assert found.pop("mape") == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    assert found.pop("pinball") == pytest.approx(0.1)
    assert found.pop("r2") == pytest.approx(1 - 3 / (14 / 3))
    assert found == {"rmse": 1, "mae": 1}


def test_without_probabilities_their_metrics_are_left_out() -> None:
    found = scores("classification", TRUTH, Predictions(TRUTH), THREE)
    assert set(found) == {"accuracy", "balanced_accuracy", "f1_macro", "f_beta"}
    with pytest.raises(ValueError, match="log_loss needs probabilities"):
        score("log_loss", TRUTH, Predictions(TRUTH), THREE)


def test_balanced_accuracy_weighs_classes_and_not_rows() -> None:
    assert score("balanced_accuracy", TRUTH, Predictions(np.array([0, 0, 0, 0])), THREE) == pytest.approx(1 / 3)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_a_ranking_needs_every_class(metric: MetricName) -> None:
    found = Predictions(np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    with pytest.raises(ValueError, match=f"{metric} needs rows of every class"):
        score(metric, np.array([0, 0]), found, Measures(2, 1))


def test_f_beta_is_of_the_positive_class() -> None:
    # Precision and recall are both 2 of 3, of the other class as well.
    assert score("f_beta", YES, LABELS, Measures(2, 1, beta=2.0)) == pytest.approx(2 / 3)
    none = Predictions(np.zeros(6, dtype=np.int64))
    assert score("f_beta", YES, none, Measures(2, 1, beta=2.0)) == 0
    assert score("f_beta", YES, none, Measures(2, 0, beta=2.0)) == pytest.approx(5 * 0.5 / (4 * 0.5 + 1))


def test_average_precision_is_the_published_sum() -> None:
    # Manning, Raghavan and Schütze (2008), section 8.4: the precision at each relevant document: 1, 2/3 and 3/5.
    truth, ranks = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    found = Predictions(truth, np.column_stack([1 - ranks, ranks]))
    assert score("average_precision", truth, found, Measures(2, 1)) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_the_cost_of_a_label_is_that_of_the_matrix() -> None:
    costs = np.array([[0.0, 1.0], [5.0, 0.0]])
    assert score("cost", YES, LABELS, Measures(2, 1, costs=costs)) == pytest.approx((5 + 1) / 6)
    # A class that is none of the candidates' costs the most.
    unknown = Predictions(np.array([-1, 1, 1, 0, 0, 0]))
    assert score("cost", YES, unknown, Measures(2, 1, costs=costs)) == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    "metric", ["accuracy", "balanced_accuracy", "f1_macro", "f_beta", "log_loss", "roc_auc", "brier"]
)
def test_a_weight_of_two_counts_as_two_rows(metric: MetricName) -> None:
    draw = np.random.default_rng(2)
    truth, weights = np.arange(30) % 3, draw.integers(1, 4, 30)
    shares = draw.dirichlet([1, 1, 1], 30)
    found, twice = Predictions(shares.argmax(axis=1), shares), np.repeat(np.arange(30), weights)
    weighted = score(metric, truth, found, THREE, weights.astype(float))
    assert weighted == pytest.approx(score(metric, truth[twice], found.of(twice), THREE))


@pytest.mark.parametrize(
    ("scoring", "problem"),
    [
        ({"positive": "huge"}, "scoring.positive: there is no class 'huge'; there are large, middle, small"),
        ({}, "gate.fairness: 'kind' has 3 classes: name one as scoring.positive"),
        ({"costs": {"large": {"tiny": 1}}}, "scoring.costs: there is no class 'tiny'; there are large, middle, small"),
    ],
    ids=["positive", "fair to which", "costs"],
)
def test_a_class_that_the_table_does_not_have_is_named(
    spec: Callable[..., ModelSpec], scoring: dict[str, Any], problem: str
) -> None:
    gate = {"fairness": {"column": "colour", "selection_rate": 0.1}}
    assert problems(spec(scoring=scoring, gate=gate), ("large", "middle", "small"), np.zeros(3)) == [problem]


def test_classes_are_named_as_the_table_spells_them(spec: Callable[..., ModelSpec]) -> None:
    made = spec(scoring={"positive": False, "costs": {"true": {"false": 5}, "false": {"true": 1}}})
    measures = Measures.of(made, (False, True))
    assert measures.positive == 0
    assert measures.costs is not None
    assert measures.costs.tolist() == [[0, 1], [5, 0]]


def test_a_share_of_nothing_is_refused(regression: Callable[..., ModelSpec]) -> None:
    made = regression(metric="mape")
    assert problems(made, (), np.array([1.0, 2.0])) == []
    (problem,) = problems(made, (), np.array([1.0, 0.0]))
    assert problem.startswith("metric: mape divides by the target, and 'amount' is 0 in some rows")


def test_an_estimator_of_a_quantile_is_judged_by_its_own_loss(regression: Callable[..., ModelSpec], made: Any) -> None:
    draw = np.random.default_rng(8)
    size = draw.uniform(1, 5, 300)
    columns = {"id": list(range(300)), "size": size.tolist(), "amount": (size + draw.exponential(size)).tolist()}
    path = "sklearn.linear_model.QuantileRegressor"
    ones = [
        {"name": name, "estimator": path, "parameters": {"quantile": quantile, "alpha": 0.0}}
        for name, quantile in (("high", 0.9), ("middle", 0.5))
    ]
    spec = regression(metric="pinball", scoring={"quantile": 0.9}, features={}, candidates=ones)
    data = made(columns, spec)
    high, middle = (search(spec, candidate, data).scores for candidate in spec.candidates)
    assert high["pinball"] < middle["pinball"]
    assert high["mae"] > middle["mae"]
