"""Conformal quantiles: in closed form, and by what they cover later."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import conformal
from mlyard_training_pipeline.candidates.out_of_fold import Fold
from mlyard_training_pipeline.candidates.predictions import DECISION, Predictions, decided, predict
from mlyard_training_pipeline.candidates.search import Found, search
from mlyard_training_pipeline.data.dataset import Dataset

ROWS = 12_000
ONES = np.ones(9)


@pytest.mark.parametrize(
    ("level", "expected"), [(0.5, 5.0), (0.8, 8.0), (0.85, 9.0), (0.9, 9.0), (0.91, None)], ids=str
)
def test_the_quantile_is_the_score_of_the_published_rank(level: float, expected: float | None) -> None:
    # ceil((n + 1) * level) of n = 9 scores 1 to 9.
    assert conformal.quantile(np.arange(9, 0, -1.0), ONES, level) == expected


@settings(max_examples=30, deadline=None, database=None)
@given(
    scores=st.lists(st.floats(0, 100), min_size=1, max_size=40), level=st.floats(0.05, 0.95), factor=st.floats(0.1, 9)
)
def test_equal_weights_change_nothing(scores: list[float], level: float, factor: float) -> None:
    found = np.array(scores)
    rank = int(np.ceil((len(found) + 1) * level - 1e-9))
    expected = np.sort(found)[rank - 1] if rank <= len(found) else None
    assert conformal.quantile(found, np.full(len(found), factor), level) == expected


def test_a_row_that_counts_more_moves_the_quantile() -> None:
    heavy = np.array([1.0] * 8 + [20.0])
    assert conformal.quantile(np.arange(1.0, 10), heavy, 0.5) == 9.0


def test_without_probabilities_there_are_no_sets() -> None:
    fold = Fold(np.array([0, 1]), Predictions(np.array([0, 1])), None)
    assert conformal.quantiles("classification", (fold,), (0.5,)) is None
    assert conformal.quantiles("regression", (fold,), (0.9,)) is None  # of two rows
    sure = decided(np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]), DECISION)
    found = conformal.quantiles("classification", (Fold(np.array([0, 1, 1]), sure, None),), (0.5, 0.75))
    assert found is not None
    assert [one.level for one in found.quantiles] == [0.5, 0.75]
    assert [one.value for one in found.quantiles] == pytest.approx([0.2, 0.7])


def columns(seed: int) -> dict[str, list[Any]]:
    """A table without drift."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=(ROWS, 2))
    amount = numbers @ [3.0, -2.0] + draw.standard_t(3, ROWS)
    kind = (numbers[:, 0] + 1.3 * draw.logistic(size=ROWS) > 0.5).astype(int) + (numbers[:, 1] > 1)
    found = {"a": numbers[:, 0], "b": numbers[:, 1], "amount": amount}
    classes: dict[str, list[Any]] = {"id": list(range(ROWS)), "kind": [f"k{value}" for value in kind]}
    return classes | {name: values.tolist() for name, values in found.items()}


Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]


def coverage(found: Found, later: Dataset, task: Any, levels: tuple[float, ...]) -> list[float]:
    """The share of later rows whose truth the intervals or sets hold."""
    made = conformal.quantiles(task, found.folds, levels)
    assert made is not None
    answers = predict(found.pipeline, later.matrix(precision="float64"), task=task)
    if task == "regression":
        distance = np.abs(later.target - answers.labels)
    else:
        assert answers.probabilities is not None
        distance = 1 - answers.probabilities[np.arange(later.rows), later.target]
    return [float((distance <= one.value).mean()) for one in made.quantiles]


def test_intervals_of_90_percent_cover_88_to_92_percent_of_a_later_slice(made: Make, regression: Any) -> None:
    spec = regression(features={"use": ["a", "b"]}, folds=5)
    found = search(spec, spec.candidates[0], made(columns(1), spec))
    covered = coverage(found, made(columns(2), spec), "regression", (0.8, 0.9))
    assert 0.78 <= covered[0] <= 0.82
    assert 0.88 <= covered[1] <= 0.92


def test_sets_of_90_percent_cover_88_to_92_percent_of_a_later_slice(made: Make, spec: Any) -> None:
    given_spec = spec(features={"use": ["a", "b"]}, folds=5)
    found = search(given_spec, given_spec.candidates[0], made(columns(3), given_spec))
    (covered,) = coverage(found, made(columns(4), given_spec), "classification", (0.9,))
    assert 0.88 <= covered <= 0.92
