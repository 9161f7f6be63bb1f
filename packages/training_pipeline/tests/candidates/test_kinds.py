"""What import paths of a spec may name, and what is said of those that may not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.spec import Candidate, ModelSpec
from mlyard_training_pipeline.candidates import checks, estimators, kinds, nesting, origins
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]
LINE = {"estimator": "sklearn.linear_model.LogisticRegression"}


@pytest.fixture
def found(spec: Spec, mixed: Callable[[], dict[str, list[Any]]], made: Make) -> Callable[..., list[str]]:
    """The problems of one candidate over the mixed table, without its name."""

    def find(path: str, parameters: dict[str, Any] | None = None, **more: Any) -> list[str]:
        chosen = spec(candidates=[{"name": "one", "estimator": path, "parameters": parameters or {}, **more}])
        problems = checks.problems(chosen, made(mixed(), chosen))
        assert checks.spec_problems(chosen) == [] or problems
        return [problem.removeprefix("candidates.one: ") for problem in problems]

    return find


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("lightgbm.LGBMClassifier", {"num_leaves": 7, "max_bin": 63, "eta": 0.1}, id="LightGBM's aliases"),
        pytest.param("xgboost.XGBClassifier", {"max_depth": 3, "tree_method": "hist"}, id="XGBoost"),
        pytest.param("sklearn.ensemble.StackingClassifier", {"estimators": {"a": LINE, "b": LINE}}, id="stack"),
        pytest.param("sklearn.ensemble.BaggingClassifier", {"estimator": LINE, "estimator__C": 2.0}, id="inner name"),
        pytest.param("sklearn.calibration.CalibratedClassifierCV", {"estimator": LINE}, id="calibration"),
    ],
)
def test_what_can_be_fitted_has_no_problem(
    found: Callable[..., list[str]], path: str, parameters: dict[str, Any]
) -> None:
    assert found(path, parameters) == []


def test_a_grid_may_name_parameters_of_estimators_within(found: Callable[..., list[str]]) -> None:
    given = {"estimators": {"line": LINE}, "final_estimator": LINE}
    grid = {"line__C": [0.1, 1.0], "final_estimator__C": [1.0]}
    assert found("sklearn.ensemble.StackingClassifier", given, grid=grid) == []
    (problem,) = found("sklearn.ensemble.StackingClassifier", given, grid={"lines__C": [0.1]})
    assert problem == (
        "grid.lines__C: sklearn.ensemble.StackingClassifier has no such parameter; did you mean line__C?"
    )


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        pytest.param(
            "lightgbm.LGBMClasifier",
            {},
            "estimator: there is no lightgbm.LGBMClasifier in the installed LightGBM; did you mean "
            "lightgbm.LGBMClassifier?",
            id="typo",
        ),
        pytest.param("lightgbm.LGBMRegressor", {}, "is not an estimator for classification", id="other task"),
        pytest.param("xgboost.XGBRanker", {}, "is not an estimator for classification", id="ranker"),
        pytest.param(
            "lightgbm.LGBMClassifier", {"num_leavs": 7}, "has no such parameter; did you mean num_leaves?", id="name"
        ),
        pytest.param(
            "lightgbm.LGBMClassifier", {"input_model": "/etc/passwd"}, "parameters.input_model: ", id="a file"
        ),
        pytest.param("lightgbm.LGBMClassifier", {"machines": "10.0.0.1:80"}, "parameters.machines: ", id="a network"),
        pytest.param("xgboost.XGBClassifier", {"callbacks": ["x"]}, "parameters.callbacks: ", id="callbacks"),
        pytest.param(
            "sklearn.ensemble.StackingClassifier",
            {"estimators": {"a": {**LINE, "parameter": {}}}},
            "parameters.a.parameter: unknown key; an estimator has estimator and parameters",
            id="unknown key",
        ),
        pytest.param(
            "sklearn.ensemble.StackingClassifier",
            {"estimators": {"a": {"estimator": "sklearn.linear_model.Ridge"}}},
            "parameters.estimators.a.estimator: sklearn.linear_model.Ridge is not an estimator for classification",
            id="task of one within",
        ),
        pytest.param(
            "sklearn.ensemble.StackingClassifier",
            {"estimators": {"a": LINE}, "final_estimator": {"estimator": "os.system"}},
            "parameters.final_estimator.estimator: os.system is not of scikit-learn, LightGBM or XGBoost",
            id="no estimator within",
        ),
        pytest.param(
            "sklearn.ensemble.BaggingClassifier",
            {"estimator": {"estimator": "sklearn.ensemble.VotingClassifier"}},
            "parameters.estimator.estimator: sklearn.ensemble.VotingClassifier wraps other estimators: say them",
            id="a wrapper within",
        ),
        pytest.param(
            "sklearn.ensemble.VotingClassifier",
            {"estimators": {"a": {**LINE, "parameters": {"C": -1.0}}}},
            "parameters.estimators.a.parameters.C: The 'C' parameter of LogisticRegression must be a float",
            id="a wrong value within",
        ),
        pytest.param(
            "sklearn.ensemble.VotingClassifier",
            {"estimators": {"a": {**LINE, "parameters": {"D": 1.0}}}},
            "parameters.estimators.a.parameters.D: sklearn.linear_model.LogisticRegression has no such parameter",
            id="an unknown parameter within",
        ),
        pytest.param(
            "sklearn.ensemble.StackingClassifier", {"estimators": {}}, "as in parameters.estimators.NAME", id="nothing"
        ),
        pytest.param(
            "lightgbm.LGBMClassifier",
            {"n_jobs": "two"},
            "parameters.n_jobs: 'two' is not a number of threads: give a whole number",
            id="a word for threads",
        ),
    ],
)
def test_what_cannot_is_named_with_its_key(
    found: Callable[..., list[str]], path: str, parameters: dict[str, Any], message: str
) -> None:
    (problem,) = found(path, parameters)
    assert message in problem


@pytest.mark.parametrize(
    ("path", "parameters", "name"),
    [
        ("lightgbm.LGBMClassifier", {"linear_tree": True}, "linear_tree"),
        ("lightgbm.LGBMClassifier", {"objective": "ova"}, "objective"),
        ("xgboost.XGBClassifier", {"booster": "gblinear"}, "booster"),
    ],
)
def test_a_booster_that_will_have_no_twin_is_told_before_it_is_fitted(
    found: Callable[..., list[str]], path: str, parameters: dict[str, Any], name: str
) -> None:
    (problem,) = found(path, parameters)
    assert problem == (
        f"parameters.{name}: there is no exact ONNX twin of {parameters[name]!r}, and nothing else can serve it"
    )


def test_classes_are_not_transformed(found: Callable[..., list[str]]) -> None:
    assert found("sklearn.linear_model.LogisticRegression", target_transform="log") == [
        "target_transform: classes have no logarithm: leave it out"
    ]


def test_a_target_that_has_no_logarithm_is_told_with_another_way(regression: Spec, made: Make) -> None:
    draw = np.random.default_rng(1)
    columns = {
        "id": list(range(200)),
        "size": draw.normal(size=200).tolist(),
        "amount": np.abs(draw.normal(size=200)).round(1).tolist(),
    }
    for transform, wrong in {"log": True, "box_cox": True, "log1p": False, "sqrt": False, "yeo_johnson": False}.items():
        candidate = {"name": "one", "estimator": "sklearn.linear_model.Ridge", "target_transform": transform}
        chosen = regression(candidates=[candidate], features={})
        problems = checks.problems(chosen, made(columns, chosen))
        assert bool(problems) == wrong
        if wrong:
            assert problems[0].startswith(
                f'candidates.one: target_transform: "{transform}" needs a target above 0, and '
            )
            assert problems[0].endswith("the smallest 'amount' is 0: say \"yeo_johnson\", or leave it out")


def test_a_regressor_is_wrapped_by_its_own_key(regression: Spec, made: Make) -> None:
    chosen = regression(candidates=[{"name": "one", "estimator": "sklearn.compose.TransformedTargetRegressor"}])
    (problem,) = checks.spec_problems(chosen)
    assert problem.startswith("candidates.one: estimator: name the regressor itself, and say target_transform = ")


def test_a_booster_that_is_not_installed_is_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "find_spec", lambda _: None)
    assert origins.problem("lightgbm.LGBMClassifier", ()) == (
        "lightgbm is not installed: install mlyard-training-pipeline[boosters], or build the image with "
        '--build-arg EXTRAS="boosters"'
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError("libgomp.so.1: cannot open shared object file\nand more"),
        ImportError("libgomp.so.1: cannot open shared object file"),
        ModuleNotFoundError("libgomp.so.1: cannot open shared object file", name="else"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_package_that_is_there_and_cannot_be_imported_is_told_with_its_reason(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> None:
        raise error

    monkeypatch.setattr(estimators, "import_module", fails)
    candidate = Candidate(name="a", estimator="lightgbm.LGBMClassifier")
    assert kinds.problems(candidate, "classification", ()) == [
        "estimator: lightgbm is installed and cannot be imported: libgomp.so.1: cannot open shared object file"
    ]


def test_every_estimator_within_gets_a_random_state() -> None:
    forest = {"estimator": "sklearn.ensemble.RandomForestClassifier"}
    parameters: Any = {"estimators": {"a": forest}, "final_estimator": forest}
    made = estimators.prototype(
        Candidate(name="one", estimator="sklearn.ensemble.StackingClassifier", parameters=parameters)
    )
    states = [made.estimators[0][1].random_state, made.final_estimator.random_state]
    assert states == [estimators.SEED] * 2


def test_paths_within_are_found_however_deep() -> None:
    bag = {"estimator": "sklearn.ensemble.BaggingClassifier", "parameters": {"estimator": LINE}}
    keys = [key for key, _ in nesting.paths({"estimators": {"a": bag}, "C": 1, "class_weight": {"estimator": 2}})]
    assert keys == ["estimators.a", "estimators.a.parameters.estimator"]
