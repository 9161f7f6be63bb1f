from itertools import product

import numpy as np
import pytest
from mlyard_shared.decision import TOLERANCE, Decision, distances, labels
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

LARGEST = Decision(tolerance=0.01)
Probabilities = NDArray[np.floating]


def label(probabilities: list[float], decision: Decision = LARGEST) -> int:
    return int(labels(np.array([probabilities]), decision)[0])


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        pytest.param([0.2, 0.5, 0.3], 1, id="clear"),
        pytest.param([0.5, 0.5], 0, id="tie"),
        pytest.param([0.1, 0.45, 0.45], 1, id="tie of later classes"),
        pytest.param([0.4951, 0.5049], 0, id="within the tolerance"),
        pytest.param([0.49, 0.51], 1, id="beyond the tolerance"),
        pytest.param([0.32, 0.335, 0.345], 1, id="only those near the largest count"),
        pytest.param([1.0], 0, id="one class"),
        pytest.param([0.0, 0.0, 1.0], 2, id="certain"),
    ],
)
def test_the_label_is_the_first_class_within_the_tolerance_of_the_largest(
    probabilities: list[float], expected: int
) -> None:
    assert label(probabilities) == expected


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, 0), (0.29, 0), (0.3, 0), (0.309, 0), (0.311, 1), (1.0, 1)],
)
def test_a_threshold_is_passed_by_more_than_the_tolerance(probability: float, expected: int) -> None:
    decision = Decision(kind="threshold", threshold=0.3, tolerance=0.01)
    assert label([1 - probability, probability], decision) == expected


@pytest.mark.parametrize(("threshold", "probability", "expected"), [(0.0, 0.0, 0), (0.0, 0.5, 1), (1.0, 1.0, 0)])
def test_a_threshold_may_be_at_either_end(threshold: float, probability: float, expected: int) -> None:
    decision = Decision(kind="threshold", threshold=threshold)
    assert label([1 - probability, probability], decision) == expected


MISSED_IS_WORSE = ((0.0, 1.0), (9.0, 0.0))


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.05, 0), (0.1, 0), (0.1001, 1), (0.2, 1)],
    ids=["below", "tie", "above", "far above"],
)
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_costs_choose_what_is_expected_to_cost_least_in_any_unit(
    probability: float, expected: int, factor: float
) -> None:
    costs = tuple(tuple(cost * factor for cost in row) for row in MISSED_IS_WORSE)
    assert label([1 - probability, probability], Decision(kind="costs", costs=costs)) == expected


def test_costs_are_of_saying_the_column_where_the_row_is_true() -> None:
    costs = ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 100.0, 0.0))
    assert label([0.3, 0.6, 0.1], Decision(kind="costs", costs=costs)) == 0


def test_costs_may_be_gains() -> None:
    assert label([0.4, 0.6], Decision(kind="costs", costs=((-5.0, 0.0), (0.0, -1.0)))) == 0


def test_where_every_label_costs_the_same_it_is_the_first_class() -> None:
    costs = ((2.0, 2.0), (7.0, 7.0))
    assert label([0.1, 0.9], Decision(kind="costs", costs=costs)) == 0


def test_costs_that_only_count_mistakes_are_the_largest_probability() -> None:
    probabilities = dirichlet(500, classes=4)
    costs = tuple(tuple(float(row != column) for column in range(4)) for row in range(4))
    mistakes = Decision(kind="costs", costs=costs, tolerance=0.01)
    np.testing.assert_array_equal(labels(probabilities, mistakes), labels(probabilities, LARGEST))
    np.testing.assert_allclose(distances(probabilities, mistakes), distances(probabilities, LARGEST))


def dirichlet(rows: int, *, classes: int, seed: int = 5) -> NDArray[np.float64]:
    """Probabilities of which many are near a tie."""
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.ones(classes), rows)
    probabilities[::2] = np.round(probabilities[::2], 1)
    return probabilities


RULES = {
    "largest": Decision(),
    "threshold": Decision(kind="threshold", threshold=0.3),
    "costs": Decision(kind="costs", costs=MISSED_IS_WORSE),
    "large-costs": Decision(kind="costs", costs=((0.0, 2e6), (1e6, -2e6))),
    "three-classes": Decision(),
    "costs-of-three": Decision(kind="costs", costs=((0.0, 1.0, 50.0), (1.0, 0.0, 3.0), (800.0, 7.0, 0.0))),
}


@pytest.mark.parametrize("name", RULES)
def test_labels_change_only_where_a_cut_is_within_twice_the_tolerance(name: str) -> None:
    rule, classes = RULES[name], 3 if "three" in name else 2
    probabilities = dirichlet(20_000, classes=classes)
    draw = np.random.default_rng(1)
    # Half of the rows are moved to where a cut is near.
    moved = probabilities + draw.choice([-1, 1], probabilities.shape) * TOLERANCE
    changed = labels(probabilities, rule) != labels(moved, rule)
    near = distances(probabilities, rule) <= 2 * TOLERANCE
    assert (changed & ~near).sum() == 0
    assert changed.sum() > 0
    assert near.mean() < 0.5


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_a_row_has_the_same_label_alone_and_among_others(name: str, kind: type[np.floating]) -> None:
    rule = RULES[name]
    probabilities = dirichlet(1000, classes=3 if "three" in name else 2).astype(kind)
    probabilities[:100, 1] = probabilities[:100, 0] + kind(TOLERANCE)
    alone = [labels(row[None], rule)[0] for row in probabilities]
    np.testing.assert_array_equal(labels(probabilities, rule), alone)


@pytest.mark.parametrize("name", RULES)
def test_the_distance_is_the_way_to_another_label(name: str) -> None:
    rule, classes = RULES[name], 3 if "three" in name else 2
    probabilities = dirichlet(300, classes=classes)
    found = distances(probabilities, rule)
    draw = np.random.default_rng(2)
    step = draw.uniform(-1, 1, (300, *probabilities.shape))
    step /= np.abs(step).max(axis=2, keepdims=True)
    nearer = probabilities + step * found[:, None] * 0.499
    for moved in nearer:
        np.testing.assert_array_equal(labels(moved, rule), labels(probabilities, rule))


def engines(forest: RandomForestClassifier | ExtraTreesClassifier, rows: Probabilities) -> tuple[Probabilities, ...]:
    """What the engines make of a forest: float64 means, and float32 sums of shares in two orders."""
    trees = [tree.predict_proba(rows) / len(forest.estimators_) for tree in forest.estimators_]
    single = [tree.astype(np.float32) for tree in trees]
    forwards, backwards = np.zeros_like(single[0]), np.zeros_like(single[0])
    for tree in single:
        forwards += tree
    for tree in reversed(single):
        backwards += tree
    return forest.predict_proba(rows), forwards, backwards


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier], ids=lambda kind: kind.__name__)
def test_every_engine_gives_a_forest_the_same_labels(
    kind: type[RandomForestClassifier] | type[ExtraTreesClassifier], classes: int
) -> None:
    differing = 0
    for seed, trees in product(range(4), (7, 12, 30)):
        draw = np.random.default_rng(seed)
        rows = draw.integers(0, 6, (600, 3)).astype(np.float32)
        target = (rows[:, 0] + draw.integers(0, 4, 600)).astype(int) % classes
        forest = kind(trees, random_state=seed).fit(rows[:300], target[:300])
        exact, *others = engines(forest, rows)
        expected = labels(exact, Decision())
        for other in others:
            np.testing.assert_array_equal(labels(other, Decision()), expected)
            differing += int((other.argmax(axis=1) != exact.argmax(axis=1)).sum())
        clear = distances(exact, Decision()) > 2 * TOLERANCE
        np.testing.assert_array_equal(forest.predict(rows)[clear], expected[clear])
    assert differing > 0, "without the rule the engines agree too, and this shows nothing"


def test_labels_are_whole_numbers_one_a_row() -> None:
    for rows in (0, 1, 7):
        found = labels(np.full((rows, 3), 1 / 3, dtype=np.float32), Decision())
        assert found.shape == (rows,)
        assert found.dtype == np.int64
        assert distances(np.full((rows, 3), 1 / 3), Decision()).shape == (rows,)


def test_probabilities_stay_as_they_are() -> None:
    probabilities = np.array([[0.2, 0.8]])
    for rule in (RULES["largest"], RULES["threshold"], RULES["costs"]):
        labels(probabilities, rule)
        np.testing.assert_array_equal(probabilities, [[0.2, 0.8]])


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        pytest.param({"kind": "threshold"}, "threshold and kind = threshold go together", id="no threshold"),
        pytest.param({"threshold": 0.5}, "threshold and kind = threshold go together", id="threshold of another kind"),
        pytest.param({"kind": "costs"}, "costs and kind = costs go together", id="no costs"),
        pytest.param({"costs": [[0, 1], [1, 0]]}, "costs and kind = costs go together", id="costs of another kind"),
        pytest.param({"kind": "costs", "costs": [[0, 1], [1]]}, "a row and a column for each class", id="ragged"),
        pytest.param({"kind": "threshold", "threshold": 1.5}, "less than or equal to 1", id="beyond 1"),
        pytest.param({"tolerance": -0.1}, "greater than or equal to 0", id="negative tolerance"),
        pytest.param({"kind": "costs", "costs": [[0, float("nan")], [1, 0]]}, "finite number", id="NaN"),
        pytest.param({"kind": "first"}, "Input should be 'largest', 'threshold' or 'costs'", id="unknown kind"),
    ],
)
def test_a_decision_that_contradicts_itself_is_refused(facts: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Decision.model_validate(facts)
