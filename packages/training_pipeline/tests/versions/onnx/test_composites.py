"""Estimators that are made of others, as scikit-learn answers and as their twins do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared.metrics import Task
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx import composites
from mlyard_training_pipeline.versions.onnx.comparison import Twin, make_twin

Fit = Callable[..., Any]
LINE = {"estimator": "sklearn.linear_model.LogisticRegression"}
FOREST = {"estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 5, "max_depth": 5}}
HISTOGRAM = {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "parameters": {"max_iter": 5}}
LEAVES = {"estimator": "lightgbm.LGBMClassifier", "parameters": {"n_estimators": 5, "n_jobs": 1}}
VECTORS = {"estimator": "sklearn.svm.LinearSVC", "parameters": {"C": 0.01, "dual": False}}
NEIGHBOURS = {"estimator": "sklearn.neighbors.KNeighborsClassifier"}
BAYES = {"estimator": "sklearn.naive_bayes.GaussianNB"}
RIDGE = {"estimator": "sklearn.linear_model.Ridge"}
TREE = {"estimator": "sklearn.tree.DecisionTreeRegressor", "parameters": {"max_depth": 4}}


def twin_of(made: Any, tmp_path: Path, *, whole: bool = True) -> Twin:
    task: Task = made.task
    model = tmp_path / "model.skops"
    if whole:
        skops_file.write(made.pipeline, model)
    return make_twin(
        model if whole else None, tmp_path / "m.onnx", made.pipeline, made.rows, task=task, scale=made.scale
    )


@pytest.mark.parametrize("classes", [pytest.param(2, marks=pytest.mark.long), 3])
@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("StackingClassifier", {"estimators": {"a": FOREST, "b": LINE}, "cv": 2}, id="stack"),
        pytest.param(
            "StackingClassifier",
            {"estimators": {"a": VECTORS, "b": HISTOGRAM}, "cv": 2},
            id="raw scores",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "StackingClassifier",
            {"estimators": {"a": HISTOGRAM, "b": LINE}, "cv": 2, "passthrough": True, "final_estimator": FOREST},
            id="the table too",
        ),
        pytest.param(
            "VotingClassifier",
            {"estimators": {"a": FOREST, "b": LINE}, "voting": "soft", "weights": [1, 3]},
            id="vote",
        ),
        pytest.param("BaggingClassifier", {"estimator": LINE, "n_estimators": 3, "max_features": 0.5}, id="bag"),
    ],
)
def test_classifiers_made_of_others_are_matched(
    fitted: Fit, tmp_path: Path, path: str, parameters: dict[str, Any], classes: int
) -> None:
    made = fitted(f"sklearn.ensemble.{path}", classes=classes, count=700, **parameters)
    twin = twin_of(made, tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-12


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(FOREST, id="forest", marks=pytest.mark.long),
        pytest.param(HISTOGRAM, id="boosting", marks=pytest.mark.long),
        pytest.param(LINE, id="line"),
        pytest.param(VECTORS, id="vectors", marks=pytest.mark.long),
    ],
)
def test_calibrated_classifiers_are_matched(fitted: Fit, tmp_path: Path, inner: dict[str, Any], classes: int) -> None:
    made = fitted("sklearn.calibration.CalibratedClassifierCV", classes=classes, count=700, estimator=inner, cv=2)
    twin = twin_of(made, tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-12


def test_a_calibrated_booster_is_matched(fitted: Fit, tmp_path: Path) -> None:
    made = fitted("sklearn.calibration.CalibratedClassifierCV", count=700, estimator=LEAVES, cv=2)
    twin = twin_of(made, tmp_path, whole=False)
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-12


def test_temperatures_are_matched(fitted: Fit, tmp_path: Path) -> None:
    made = fitted(
        "sklearn.calibration.CalibratedClassifierCV", count=700, estimator=HISTOGRAM, cv=2, method="temperature"
    )
    twin = twin_of(made, tmp_path)
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-12


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("StackingRegressor", {"estimators": {"a": TREE, "b": RIDGE}, "cv": 2}, id="stack"),
        pytest.param("VotingRegressor", {"estimators": {"a": TREE, "b": RIDGE}}, id="vote"),
        pytest.param("BaggingRegressor", {"estimator": RIDGE, "n_estimators": 3}, id="bag"),
    ],
)
def test_regressors_made_of_others_are_matched(
    fitted: Fit, tmp_path: Path, path: str, parameters: dict[str, Any]
) -> None:
    twin = twin_of(fitted(f"sklearn.ensemble.{path}", count=700, **parameters), tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-9


@pytest.mark.parametrize(
    "transform",
    ["log", "yeo_johnson", *(pytest.param(name, marks=pytest.mark.long) for name in ("log1p", "sqrt", "box_cox"))],
)
def test_answers_are_in_the_units_of_the_target(fitted: Fit, tmp_path: Path, transform: str) -> None:
    made = fitted("sklearn.ensemble.HistGradientBoostingRegressor", target_transform=transform, max_iter=20, count=700)
    assert np.corrcoef(made.pipeline.predict(made.rows.matrix), made.truth)[0, 1] > 0.8
    twin = twin_of(made, tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-9


@pytest.mark.parametrize(
    ("path", "parameters", "reason"),
    [
        pytest.param(
            "sklearn.ensemble.StackingClassifier",
            {"estimators": {"a": NEIGHBOURS, "b": LINE}, "cv": 2},
            "of neighbours at the same distance",
            id="neighbours in a stack",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "sklearn.calibration.CalibratedClassifierCV",
            {"estimator": LINE, "method": "isotonic"},
            "isotonic calibration converts inexactly",
            id="isotonic",
        ),
        pytest.param(
            "sklearn.ensemble.GradientBoostingClassifier",
            {"init": LINE, "n_estimators": 3},
            "boosting that begins with a LogisticRegression",
            id="boosting of a model",
        ),
    ],
)
def test_what_has_no_exact_twin_is_refused_with_the_reason(
    fitted: Fit, tmp_path: Path, path: str, parameters: dict[str, Any], reason: str
) -> None:
    twin = twin_of(fitted(path, count=700, **parameters), tmp_path)
    assert twin.parity is None
    assert reason in (twin.refused or "")


def test_a_library_converts_what_we_do_not_within_a_stack(fitted: Fit, tmp_path: Path) -> None:
    made = fitted("sklearn.ensemble.StackingClassifier", count=700, estimators={"a": BAYES, "b": LINE}, cv=2)
    twin = twin_of(made, tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.holds


def test_every_tree_and_threshold_within_is_known(fitted: Fit) -> None:
    made = fitted("sklearn.ensemble.StackingClassifier", count=700, estimators={"a": FOREST, "b": HISTOGRAM}, cv=2)
    trees, nodes = composites.size(made.pipeline[-1])
    assert trees == 10
    assert nodes > len(composites.thresholds(made.pipeline[-1])[0]) > 20
