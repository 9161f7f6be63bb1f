from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import deciding, scoring
from mlyard_training_pipeline.candidates.out_of_fold import Fold
from mlyard_training_pipeline.candidates.predictions import DECISION, decided
from mlyard_training_pipeline.candidates.scoring import Measures

from ..conftest import make_spec

Spec = Callable[..., ModelSpec]
COSTS = np.array([[0.0, 1.0], [4.0, 0.0]])
MEASURES = Measures(2, 1, beta=2.0, costs=COSTS)
GIVEN = {"scoring": {"beta": 2, "costs": {"b": {"a": 4}, "a": {"b": 1}}}}


def fold(truth: Array, second: Array, weights: Array | None = None) -> Fold:
    return Fold(truth, decided(np.column_stack([1 - second, second]), DECISION), weights)


def calibrated(rows: int, seed: int) -> Fold:
    """Probabilities that are true."""
    draw = np.random.default_rng(seed)
    second = draw.uniform(0.01, 0.99, rows)
    return fold((draw.random(rows) < second).astype(np.int64), second)


def test_of_true_probabilities_the_threshold_is_the_published_one() -> None:
    # Elkan, The Foundations of Cost-Sensitive Learning (2001), equation 2: c10 / (c10 + c01) for these costs.
    spec = make_spec(decision={"threshold_for": "cost"}, **GIVEN)
    rule = deciding.tuned(spec, (calibrated(30_000, 1), calibrated(30_000, 2)), MEASURES)
    assert rule is not None
    assert rule.threshold == pytest.approx(1 / (1 + 4), abs=0.02)
    accurate = deciding.tuned(make_spec(decision={"threshold_for": "accuracy"}), (calibrated(60_000, 3),), MEASURES)
    assert accurate is not None
    assert accurate.threshold == pytest.approx(0.5, abs=0.03)


@settings(max_examples=25, deadline=None, database=None)
@given(
    seed=st.integers(0, 10**6),
    metric=st.sampled_from(["accuracy", "balanced_accuracy", "f1_macro", "f_beta", "cost"]),
    weighted=st.booleans(),
)
def test_no_other_threshold_is_better_on_the_same_rows(seed: int, metric: MetricName, weighted: bool) -> None:
    draw = np.random.default_rng(seed)
    truth = np.arange(60) % 2
    second = np.clip(0.3 * truth + draw.uniform(0, 0.7, 60), 0, 1).round(2)
    found = fold(truth, second, draw.uniform(0.5, 2, 60) if weighted else None)
    rule = deciding.tuned(make_spec(decision={"threshold_for": metric}, **GIVEN), (found,), MEASURES)

    def value(threshold: float) -> float:
        made = Decision(kind="threshold", threshold=threshold)
        assert found.found.probabilities is not None
        said = decided(found.found.probabilities, made)
        score = scoring.score(metric, truth, said, MEASURES, found.weights)
        return METRICS[metric].value(score)

    assert rule is not None
    assert rule.threshold is not None
    cuts = np.unique(second)
    assert value(rule.threshold) >= max(value(float(cut)) for cut in (cuts[:-1] + cuts[1:]) / 2) - 1e-9


def test_a_threshold_keeps_away_from_the_probabilities_that_engines_may_differ_by() -> None:
    second = np.array([0.2, 0.4, 0.40001, 0.8])
    rule = deciding.tuned(
        make_spec(decision={"threshold_for": "accuracy"}), (fold(np.array([0, 0, 1, 1]), second),), MEASURES
    )
    assert rule is not None
    assert rule.threshold == pytest.approx(0.600005)


def test_the_spec_gives_a_threshold_or_costs(spec: Spec) -> None:
    assert deciding.given(spec(), MEASURES) == DECISION
    assert deciding.given(spec(decision={"threshold": 0.3}), MEASURES) == Decision(kind="threshold", threshold=0.3)
    costs = deciding.given(spec(decision={"expected_cost": True}, **GIVEN), MEASURES)
    assert costs == Decision(kind="costs", costs=((0.0, 1.0), (4.0, 0.0)))


def test_a_threshold_between_three_classes_is_refused(spec: Spec) -> None:
    (problem,) = deciding.problems(spec(decision={"threshold": 0.3}), ("a", "b", "c"))
    assert problem.startswith("decision.threshold: is for two classes, and 'kind' has 3: leave it out, or say")
    assert deciding.problems(spec(decision={"threshold": 0.3}), ("a", "b")) == []
