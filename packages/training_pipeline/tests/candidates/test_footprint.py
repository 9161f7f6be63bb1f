import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import Candidate, ModelSpec
from mlyard_training_pipeline.candidates import estimators, footprint, preprocessing, search
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data.dataset import Dataset
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Make = Callable[[dict[str, Any], ModelSpec], Dataset]
ROWS = 30_000
NUMBER = Schema(columns=(Column(name="size", type="number", nullable=False),))
CASES = [
    pytest.param("ensemble.HistGradientBoostingClassifier", {"max_iter": 2}, {}, id="native"),
    pytest.param(
        "ensemble.HistGradientBoostingClassifier",
        {"max_iter": 2},
        {"levels": {"city": 9}},
        id="pooled",
        marks=pytest.mark.long,
    ),
    pytest.param(
        "ensemble.HistGradientBoostingClassifier",
        {"max_iter": 2},
        {"leave_out": ["city"]},
        id="numbers",
        marks=pytest.mark.long,
    ),
    pytest.param("linear_model.LogisticRegression", {"C": 0.01}, {}, id="sparse", marks=pytest.mark.long),
    pytest.param(
        "linear_model.LogisticRegression",
        {"C": 0.01},
        {"encoding": {"city": "target"}},
        id="means",
        marks=pytest.mark.long,
    ),
    pytest.param("naive_bayes.GaussianNB", {}, {}, id="dense", marks=pytest.mark.long),
    pytest.param(
        "ensemble.RandomForestClassifier",
        {"n_estimators": 2, "max_depth": 4},
        {},
        id="forest",
        marks=pytest.mark.long,
    ),
]


@pytest.fixture(scope="module")
def flights() -> dict[str, Any]:
    draw = np.random.default_rng(1)
    numbers = {f"n{number}": draw.normal(size=ROWS) for number in range(8)}
    city = draw.integers(0, 200, ROWS)
    late = numbers["n0"] + (city % 7) + draw.normal(size=ROWS) > 4
    return {"id": np.arange(ROWS), **numbers, "city": [f"city {code}" for code in city], "late": late}


@pytest.mark.parametrize(("path", "parameters", "features"), CASES)
def test_a_search_takes_what_was_said_and_not_much_less(
    path: str,
    parameters: dict[str, Any],
    features: dict[str, Any],
    flights: dict[str, Any],
    spec: Callable[..., ModelSpec],
    made: Make,
) -> None:
    candidate = {"name": "one", "estimator": f"sklearn.{path}", "parameters": parameters}
    chosen = spec(candidates=[candidate], target="late", features=features)
    dataset = made(flights, chosen)
    encoding = preprocessing.encoding_of(
        chosen.candidates[0], dataset.schema, features=chosen.features, classes=dataset.classes
    )
    model = estimators.estimator(chosen.candidates[0], encoding, dataset.classes)
    rows = int((~dataset.held_out).sum())
    said = footprint.of_fit(model, encoding, rows=rows, folds=chosen.folds, classes=2)
    tracemalloc.start()
    try:
        with threadpool_limits(1):
            search.search(chosen, chosen.candidates[0], dataset)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken <= said * 1.1
    assert taken >= said / 2


def test_native_categories_take_no_more_than_a_few_matrices_of_the_inputs(
    flights: dict[str, Any], spec: Callable[..., ModelSpec], made: Make
) -> None:
    candidate = Candidate(name="one", estimator="sklearn.ensemble.HistGradientBoostingClassifier")
    dataset = made(flights, spec(target="late", features={}))
    encoding = preprocessing.encoding_of(candidate, dataset.schema, classes=dataset.classes)
    model = estimators.estimator(candidate, encoding, dataset.classes)
    rows = 8_000_000
    assert footprint.of_fit(model, encoding, rows=rows, folds=3, classes=2) < rows * 9 * 8 * 8


def test_trees_that_nothing_stops_may_outgrow_the_table() -> None:
    def of(**parameters: Any) -> int:
        candidate = Candidate(name="one", estimator="sklearn.ensemble.RandomForestClassifier", parameters=parameters)
        return footprint.of_trees(estimators.estimator(candidate, Encoding(NUMBER), ()), rows=8_000_000, classes=2)

    assert of() > 16 * 1024**3
    assert of(min_samples_leaf=100) < of() / 50
    assert 0 < of(max_depth=12) < 100 * 1024**2
    assert of(max_leaf_nodes=4096) == of(max_depth=12)
    assert of(max_depth=12, n_estimators=1_000_000) > 16 * 1024**3


def test_trees_of_a_booster_have_so_many_leaves_at_most() -> None:
    made = estimators.estimator(Candidate(name="one", estimator="lightgbm.LGBMRegressor"), Encoding(NUMBER), ())
    assert footprint.of_trees(made, rows=8_000_000) == 100 * 2 * 31 * 72


@pytest.mark.parametrize(("count", "said"), [(5 * 1024**2, "5 MiB"), (1.25 * 1024**3, "1.2 GiB")])
def test_bytes_are_told_as_people_say_them(count: float, said: str) -> None:
    assert footprint.told(count) == said
