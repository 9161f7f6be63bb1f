"""Searches of real estimators."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import resources, search
from mlyard_training_pipeline.candidates.search import Found, methods
from mlyard_training_pipeline.candidates.search.bench import Bench, Result, best
from mlyard_training_pipeline.candidates.search.budget import Budget
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]
TREE = "sklearn.tree.DecisionTreeClassifier"
DEPTHS = {"max_depth": {"low": 1, "high": 12}, "min_impurity_decrease": {"low": 1e-6, "high": 0.3, "log": True}}


@pytest.fixture
def bench(spec: Spec, mixed: Callable[..., dict[str, list[Any]]], made: Make) -> Callable[..., Bench]:
    def make(path: str = TREE, **more: Any) -> Bench:
        chosen = spec(candidates=[{"name": "one", "estimator": path, **more}])
        return Bench(chosen, chosen.candidates[0], made(mixed(), chosen))

    return make


def whole(bench: Bench, budget: Budget | None = None) -> Found:
    return search.search(bench.spec, bench.candidate, bench.dataset, budget)


def test_processes_that_a_fit_starts_divide_its_share(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "processors", lambda: 6)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.delenv(name, raising=False)
    one = bench("sklearn.ensemble.BaggingClassifier", parameters={"n_jobs": 2, "estimator": {"estimator": TREE}})
    with resources.place(tmp_path / "running") as own, resources.bounded(own.threads()):
        for _ in range(2):  # the second fit's share is not that of the first one's processes
            one.with_setting({})
        told = joblib.Parallel(n_jobs=2)(
            joblib.delayed(os.getenv)(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        )
    assert told == ["3", "3"]


def test_all_results_are_told_and_the_best_of_them_is_fitted(bench: Callable[..., Bench]) -> None:
    found = whole(bench(search="random", trials=8, ranges=DEPTHS))
    assert [result.number for result in found.results] == list(range(8))
    means = [result.mean("accuracy") for result in found.results]
    assert found.scores["accuracy"] == max(means)
    assert found.parameters == found.results[int(np.argmax(means))].parameters
    assert found.pipeline[-1].max_depth == found.parameters["max_depth"]


def test_halving_tries_few_on_many_rows(bench: Callable[..., Bench]) -> None:
    found = whole(bench(search="halving", trials=9, ranges=DEPTHS))
    shares = [round(result.share, 3) for result in found.results]
    assert shares == [0.111] * 9 + [0.333] * 3 + [1.0]
    last, middle, first = found.results[-1], found.results[9:12], found.results[:9]
    assert found.parameters == last.parameters
    ranked = sorted(first, key=lambda result: (-result.mean("accuracy"), result.number))
    assert [result.number for result in middle] == [result.number for result in ranked[:3]]
    assert last.number == best(list(middle), "accuracy").number


def test_a_share_of_the_rows_has_every_class(bench: Callable[..., Bench]) -> None:
    made = bench()
    result = made.evaluate(0, {}, made.scores(), share=0.02)
    assert result.mean("accuracy") > 0


@pytest.mark.long
def test_optuna_tries_near_what_was_good(bench: Callable[..., Bench]) -> None:
    made = bench(search="optuna", trials=12, ranges=DEPTHS, grid={"class_weight": [None, "balanced"]})
    found, again = whole(made), whole(made)
    assert [result.parameters for result in found.results] == [result.parameters for result in again.results]
    assert {result.parameters["class_weight"] for result in found.results} == {None, "balanced"}
    assert all(1 <= result.parameters["max_depth"] <= 12 for result in found.results)
    assert found.scores["accuracy"] == max(result.mean("accuracy") for result in found.results)


def test_optuna_minimises_what_should_be_small(regression: Spec, made: Make, mixed: Any) -> None:
    ranges = {"alpha": {"low": 1e-6, "high": 1e6, "log": True}}
    candidate = {"name": "one", "estimator": "sklearn.linear_model.Ridge", "ranges": ranges}
    chosen = regression(candidates=[{**candidate, "search": "optuna", "trials": 15}])
    found = search.search(chosen, chosen.candidates[0], made(mixed(), chosen))
    assert found.parameters["alpha"] < 1000
    assert found.scores["rmse"] == min(result.mean("rmse") for result in found.results)


@pytest.mark.long
@pytest.mark.parametrize("method", ["random", "halving", "optuna"])
def test_the_time_is_kept(bench: Callable[..., Bench], method: str) -> None:
    forest = "sklearn.ensemble.ExtraTreesClassifier"
    made = bench(forest, search=method, trials=500, ranges={"n_estimators": {"low": 20, "high": 30}})
    one = made.evaluate(0, {}, made.scores()).seconds
    began = time.time()
    found = whole(made, Budget(began + 6 * one))
    searched = sum(result.seconds for result in found.results)
    assert searched < 8 * one
    assert 1 < len(found.results) < 150
    assert found.results[-1].share == 1.0


def test_without_time_one_setting_is_tried(bench: Callable[..., Bench]) -> None:
    for method in ("random", "optuna"):
        found = whole(bench(search=method, trials=9, ranges=DEPTHS), Budget(0.0))
        assert [result.number for result in found.results] == [0]
    found = whole(bench(search="halving", trials=9, ranges=DEPTHS), Budget(0.0))
    assert [(result.number, round(result.share, 3)) for result in found.results] == [(0, 0.111), (0, 1.0)]


def test_what_others_tried_is_chosen_from_as_if_it_had_been_one_process(bench: Callable[..., Bench]) -> None:
    made = bench(search="random", trials=6, ranges=DEPTHS)
    alone = whole(made)
    parts: list[Result] = []
    for numbers in ([3, 4, 5], [0, 1, 2]):
        other = bench(search="random", trials=6, ranges=DEPTHS)
        chosen = [(number, alone.results[number].parameters) for number in numbers]
        parts += methods.one_by_one(other, chosen, Budget(None), other.scores())
    found = search.finish(made.spec, made.candidate, made.dataset, parts)
    assert found.parameters == alone.parameters
    assert found.scores == alone.scores
    for one, other_fold in zip(found.folds, alone.folds, strict=True):
        assert (one.found.labels == other_fold.found.labels).all()
    matrix = made.dataset.matrix(precision="float32")
    assert (found.pipeline.predict(matrix) == alone.pipeline.predict(matrix)).all()


def test_parameters_of_a_transformed_regressor_are_searched(regression: Spec, made: Make, mixed: Any) -> None:
    candidate = {"name": "one", "estimator": "sklearn.tree.DecisionTreeRegressor", "grid": {"max_depth": [1, 5]}}
    columns = mixed() | {"amount": [str(abs(float(value)) + 1) for value in mixed()["amount"]]}
    chosen = regression(candidates=[{**candidate, "target_transform": "log"}])
    found = search.search(chosen, chosen.candidates[0], made(columns, chosen))
    assert found.parameters == {"max_depth": 5}
    assert found.pipeline[-1].regressor_.get_depth() > 1


def test_parameters_of_estimators_within_are_searched(bench: Callable[..., Bench]) -> None:
    given = {"estimators": {"tree": {"estimator": TREE}}, "final_estimator": {"estimator": TREE}}
    found = whole(
        bench("sklearn.ensemble.StackingClassifier", parameters=given, grid={"tree__max_depth": [1, 6], "cv": [2]})
    )
    assert found.parameters["tree__max_depth"] in (1, 6)
    assert found.pipeline[-1].estimators_[0].max_depth == found.parameters["tree__max_depth"]
