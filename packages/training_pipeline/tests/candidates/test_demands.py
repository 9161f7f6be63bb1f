import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import checks, estimators, memory, preprocessing
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]
BOOSTING = "sklearn.ensemble.HistGradientBoostingRegressor"
TARGETS = {"negative": -1.0, "zero": 0.0, "above zero": 0.5}
REGRESSIONS: list[tuple[str, dict[str, Any]]] = [
    ("linear_model.PoissonRegressor", {}),
    ("linear_model.GammaRegressor", {}),
    *[("linear_model.TweedieRegressor", {"power": power}) for power in (0, 1, 1.5, 2, 3)],
    ("linear_model.TweedieRegressor", {"power": 0, "link": "log"}),
    *[
        ("ensemble.HistGradientBoostingRegressor", {"loss": loss, "max_iter": 3})
        for loss in ("squared_error", "poisson", "gamma")
    ],
    *[("ensemble.RandomForestRegressor", {"criterion": name}) for name in ("squared_error", "poisson")],
    ("tree.DecisionTreeRegressor", {"criterion": "poisson"}),
    ("ensemble.ExtraTreesRegressor", {"criterion": "poisson"}),
    ("ensemble.GradientBoostingRegressor", {"loss": "huber"}),
    ("linear_model.Ridge", {}),
]


def table(count: int = 120, **columns: Any) -> dict[str, list[Any]]:
    draw = np.random.default_rng(3)
    made: dict[str, list[Any]] = {
        "id": list(range(count)),
        "size": draw.normal(size=count).round(3).tolist(),
        "new": (draw.random(count) < 0.5).tolist(),
        "colour": [str(value) for value in draw.choice(["red", "blue"], count)],
        "kind": [str(value) for value in draw.choice(["a", "b", "c"], count)],
        "amount": (draw.random(count) + 0.5).round(4).tolist(),
    }
    return made | columns


def problems(made: Make, spec: Spec, columns: dict[str, list[Any]], path: str, **changes: Any) -> list[str]:
    parameters = changes.pop("parameters", {})
    chosen = spec(candidates=[{"name": "one", "estimator": f"sklearn.{path}", "parameters": parameters}], **changes)
    return checks.problems(chosen, made(columns, chosen))


@pytest.mark.parametrize(
    ("case", "target"),
    [
        pytest.param(case, target, marks=[] if number % len(TARGETS) == at else pytest.mark.long)
        for number, case in enumerate(REGRESSIONS)
        for at, target in enumerate(TARGETS)
    ],
    ids=str,
)
def test_a_target_is_refused_before_the_fit_where_the_fit_would_refuse_it(
    regression: Spec, made: Make, case: tuple[str, dict[str, Any]], target: str
) -> None:
    path, parameters = case
    amounts = table()["amount"]
    columns = table(amount=[TARGETS[target] if row % 10 == 0 else value for row, value in enumerate(amounts)])
    chosen = regression(candidates=[{"name": "one", "estimator": f"sklearn.{path}", "parameters": parameters}])
    dataset = made(columns, chosen)
    found = checks.problems(chosen, dataset)
    candidate = chosen.candidates[0]
    matrix = dataset.matrix(precision=estimators.precision(candidate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            preprocessing.pipeline(candidate, dataset.schema).fit(matrix, dataset.target)
        except ValueError:
            assert len(found) == 1
            assert f"the smallest 'amount' is {TARGETS[target]:g}" in found[0]
        else:
            assert found == []


def test_a_network_of_counts_needs_a_target_that_is_not_negative(regression: Spec, made: Make) -> None:
    amounts = [-value for value in table()["amount"]]
    (found,) = problems(
        made, regression, table(amount=amounts), "neural_network.MLPRegressor", parameters={"loss": "poisson"}
    )
    assert "MLPRegressor needs a target that is 0 or more" in found


@pytest.mark.parametrize("path", ["naive_bayes.MultinomialNB", "naive_bayes.ComplementNB"])
def test_negative_numbers_are_named_where_an_estimator_takes_none(spec: Spec, made: Make, path: str) -> None:
    (found,) = problems(made, spec, table(), path)
    assert "takes no negative numbers, and there are some in column 'size': say" in found
    assert 'features.leave_out = ["amount", "size"]' in found
    assert problems(made, spec, table(size=[abs(value) for value in table()["size"]]), path) == []


def test_an_estimator_of_categories_takes_no_numbers(spec: Spec, made: Make) -> None:
    (found,) = problems(made, spec, table(), "naive_bayes.CategoricalNB")
    assert "CategoricalNB takes no numbers, and there are some in column 'size'" in found
    assert 'or features.types.size = "category"' in found
    left = {"leave_out": ["amount", "size"]}
    assert problems(made, spec, table(), "naive_bayes.CategoricalNB", features=left) == []


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("ensemble.GradientBoostingClassifier", {"loss": "exponential"}, 'loss = "exponential" is for two classes'),
        ("linear_model.LogisticRegression", {"solver": "liblinear"}, 'solver = "liblinear" is for two classes'),
        ("ensemble.HistGradientBoostingClassifier", {"monotonic_cst": {"size": 1}}, "monotonic_cst is for two classes"),
        ("ensemble.RandomForestClassifier", {"monotonic_cst": {"size": 1}}, "monotonic_cst is for two classes"),
    ],
)
def test_parameters_for_two_classes_are_refused_for_three(
    spec: Spec, made: Make, path: str, parameters: dict[str, Any], message: str
) -> None:
    (found,) = problems(made, spec, table(), path, parameters=parameters)
    assert message in found
    assert "'kind' has 3" in found
    two = table(kind=["ab"[row % 2] for row in range(120)])
    assert problems(made, spec, two, path, parameters=parameters) == []


def test_more_neighbours_than_rows_are_refused(spec: Spec, made: Make) -> None:
    (found,) = problems(made, spec, table(), "neighbors.KNeighborsClassifier", parameters={"n_neighbors": 90})
    assert "n_neighbors = 90 is more than the" in found


def test_the_rarest_class_has_to_do_for_the_calibrations_own_folds(spec: Spec, made: Make) -> None:
    kinds = ["rare" if row % 20 == 0 else "ab"[row % 2] for row in range(120)]
    (found,) = problems(made, spec, table(kind=kinds), "calibration.CalibratedClassifierCV")
    assert "splits the rows of each class into 5" in found


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("svm.LinearSVC", {"penalty": "l1", "dual": True}, "not supported when dual=True"),
        ("svm.LinearSVC", {"loss": "hinge", "dual": False}, "not supported when dual=False"),
        ("linear_model.LogisticRegression", {"l1_ratio": 1.0}, "Solver lbfgs supports only 'l2'"),
        ("linear_model.LogisticRegression", {"l1_ratio": 0.5, "solver": "newton-cg"}, "Solver newton-cg supports only"),
        ("linear_model.LogisticRegression", {"dual": True}, "Solver lbfgs supports only dual=False"),
        ("linear_model.LogisticRegressionCV", {"l1_ratios": [0.0, 0.5]}, "Solver lbfgs supports only 'l2'"),
    ],
    ids=str,
)
def test_combinations_that_the_solver_lacks_are_refused(
    spec: Spec, made: Make, path: str, parameters: dict[str, Any], message: str
) -> None:
    (found,) = problems(made, spec, table(), path, parameters=parameters)
    assert message in found


@pytest.mark.parametrize(
    "parameters",
    [{"l1_ratio": 0.5, "solver": "saga"}, {"l1_ratio": 1, "solver": "saga"}, {"solver": "sag"}],
    ids=str,
)
def test_combinations_that_the_solver_has_are_taken(spec: Spec, made: Make, parameters: dict[str, Any]) -> None:
    assert problems(made, spec, table(), "linear_model.LogisticRegression", parameters=parameters) == []


def test_one_target_has_one_component(regression: Spec, made: Make) -> None:
    (found,) = problems(made, regression, table(), "cross_decomposition.PLSCanonical")
    assert "say n_components = 1" in found
    chosen = {"n_components": 1}
    assert problems(made, regression, table(), "cross_decomposition.PLSCanonical", parameters=chosen) == []


def test_a_fit_beyond_the_memory_is_refused_with_a_way_out(
    spec: Spec, made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "limit", lambda: 5_000)
    (found,) = problems(made, spec, table(), "ensemble.HistGradientBoostingClassifier")
    assert "rows to train on and a matrix of 3 columns" in found
    assert "sklearn.linear_model.LogisticRegression" in found
    assert 'features.leave_out = ["amount", "colour"]' in found
    assert "features.encoding" not in found
    (found,) = problems(made, spec, table(), "neural_network.MLPClassifier")
    assert 'say features.encoding.colour = "target"' in found


def test_what_is_sparse_may_be_wider_than_the_memory(spec: Spec, made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "limit", lambda: 4_000_000)
    monkeypatch.setattr(preprocessing, "_DENSE_BYTES", 0)
    draw = np.random.default_rng(1)
    cities = [f"city {number}" for number in draw.integers(0, 2000, 3000)]
    wide = {"leave_out": ["amount"], "types": {"city": "category"}, "encoding": {"city": "one_hot"}}
    columns = table(3000, city=cities)
    assert problems(made, spec, columns, "linear_model.LogisticRegression", features=wide) == []
    (found,) = problems(made, spec, columns, "ensemble.HistGradientBoostingClassifier", features=wide)
    assert 'features.leave_out = ["amount", "city"]' in found
    assert 'features.encoding.city = "target"' in found
    del wide["encoding"]
    assert problems(made, spec, columns, "ensemble.HistGradientBoostingClassifier", features=wide) == []


def test_estimators_that_compare_every_two_rows_need_memory_for_that(
    regression: Spec, made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "limit", lambda: 50_000)
    (found,) = problems(made, regression, table(), "kernel_ridge.KernelRidge")
    assert "compares every row with every other" in found


@pytest.mark.parametrize(
    ("path", "parameters", "told"),
    [
        ("sklearn.linear_model.QuantileRegressor", {}, "QuantileRegressor .*quantile = 0.5"),
        ("sklearn.linear_model.QuantileRegressor", {"quantile": 0.9}, None),
        ("sklearn.linear_model.Ridge", {}, None),
        (BOOSTING, {"loss": "quantile", "quantile": 0.1}, "HistGradientBoostingRegressor .*quantile = 0.1"),
        (BOOSTING, {"loss": "quantile", "quantile": 0.9}, None),
        ("sklearn.ensemble.GradientBoostingRegressor", {"loss": "quantile", "alpha": 0.8}, "alpha = 0.8"),
        ("sklearn.ensemble.GradientBoostingRegressor", {"loss": "huber", "alpha": 0.8}, None),
        ("sklearn.dummy.DummyRegressor", {"strategy": "quantile", "quantile": 0.2}, "quantile = 0.2"),
        ("sklearn.dummy.DummyRegressor", {"strategy": "median"}, None),
        ("lightgbm.LGBMRegressor", {"objective": "quantile"}, None),
        ("lightgbm.LGBMRegressor", {"objective": "quantile", "alpha": 0.5}, "alpha = 0.5"),
        ("xgboost.XGBRegressor", {"objective": "reg:quantileerror", "quantile_alpha": 0.4}, "quantile_alpha = 0.4"),
        (
            "sklearn.ensemble.BaggingRegressor",
            {"estimator": {"estimator": "sklearn.linear_model.QuantileRegressor"}},
            "QuantileRegressor .*quantile = 0.5",
        ),
        (
            "sklearn.ensemble.StackingRegressor",
            {
                "estimators": {"low": {"estimator": "sklearn.linear_model.QuantileRegressor"}},
                "final_estimator": {
                    "estimator": "sklearn.linear_model.QuantileRegressor",
                    "parameters": {"quantile": 0.9},
                },
            },
            None,
        ),
    ],
)
def test_another_quantile_than_the_metric_scores_is_refused(
    regression: Spec, made: Make, path: str, parameters: dict[str, Any], told: str | None
) -> None:
    candidate = {"name": "one", "estimator": path, "parameters": parameters}
    chosen = regression(candidates=[candidate], metric="pinball", scoring={"quantile": 0.9})
    found = checks.problems(chosen, made(table(), chosen))
    assert [bool(re.search(f"{told}.*scoring.quantile = 0.9", problem)) for problem in found] == (
        [True] if told else []
    )
    other = regression(candidates=[candidate], metric="mae", scoring={"quantile": 0.9})
    assert checks.problems(other, made(table(), other)) == []


def test_an_estimator_of_several_quantiles_is_refused_whatever_the_metric(regression: Spec, made: Make) -> None:
    given = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}
    spec = regression(candidates=[{"name": "one", "estimator": "xgboost.XGBRegressor", "parameters": given}])
    (problem,) = checks.problems(spec, made(table(), spec))
    assert "XGBRegressor estimates several quantiles at once (quantile_alpha = [0.1, 0.9])" in problem


def test_every_quantile_of_a_grid_has_to_be_the_one_that_is_scored(regression: Spec, made: Make) -> None:
    candidate = {"name": "one", "estimator": "sklearn.linear_model.QuantileRegressor", "grid": {"quantile": [0.5, 0.9]}}
    chosen = regression(candidates=[candidate], metric="pinball", scoring={"quantile": 0.9})
    (problem,) = checks.problems(chosen, made(table(), chosen))
    assert problem == (
        "candidates.one: QuantileRegressor estimates another quantile (quantile = 0.5) than pinball scores "
        "(scoring.quantile = 0.9): say the same in both, such as quantile = 0.9"
    )
