from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared import features
from mlyard_shared.spec import Candidate, ModelSpec
from mlyard_training_pipeline.candidates import estimators, scoring
from mlyard_training_pipeline.candidates.scoring import Predictions
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.versions.onnx import comparison
from mlyard_training_pipeline.versions.onnx.comparison import Twin, compare, make_twin

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


def twin_of(made: ModelSpec, columns: dict[str, list[Any]], folder: Path, path: str, **parameters: Any) -> Twin:
    """Fit an estimator on a table of every type, with nulls, and make its twin."""
    from skops.io import dump

    read = table.read(pa.table(columns), made)
    candidate = Candidate(name="a", estimator=path, parameters=parameters)
    pipeline = estimators.pipeline(candidate, read.schema).fit(read.matrix[~read.held_out], read.target[~read.held_out])
    dump(pipeline, folder / "model.skops")
    inputs = {name: array[read.held_out] for name, array in features.inputs(read.columns, read.schema).items()}
    expected = scoring.predict(pipeline, features.matrix(inputs), task=made.task)
    return make_twin(
        folder / "model.skops",
        folder / "model.onnx",
        inputs,
        expected,
        task=made.task,
        scale=float(read.target.std()) if made.task == "regression" else 1.0,
    )


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("sklearn.linear_model.LogisticRegression", {}, id="linear"),
        pytest.param("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 20}, id="forest"),
        pytest.param("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 20}, id="histogram boosting"),
        pytest.param("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 10}, id="boosting"),
        pytest.param("sklearn.neural_network.MLPClassifier", {"max_iter": 2000, "tol": 0.01}, id="network"),
        pytest.param("sklearn.neighbors.KNeighborsClassifier", {"algorithm": "brute"}, id="neighbours"),
    ],
)
def test_the_twin_of_a_classifier_over_a_mixed_table_holds(
    spec: Spec, mixed: Mixed, tmp_path: Path, path: str, parameters: dict[str, Any]
) -> None:
    twin = twin_of(spec(), mixed(), tmp_path, path, **parameters)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.holds
    assert (tmp_path / "model.onnx").is_file()


@pytest.mark.parametrize(
    "path",
    [
        "sklearn.linear_model.Ridge",
        "sklearn.linear_model.LinearRegression",
        "sklearn.ensemble.RandomForestRegressor",
        "sklearn.ensemble.HistGradientBoostingRegressor",
        "sklearn.ensemble.GradientBoostingRegressor",
        "sklearn.svm.SVR",
    ],
)
def test_the_twin_of_a_regression_over_a_mixed_table_holds(
    regression: Spec, mixed: Mixed, tmp_path: Path, path: str
) -> None:
    twin = twin_of(regression(), mixed(), tmp_path, path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.holds


def test_the_twin_has_the_inputs_and_outputs_that_the_api_expects(spec: Spec, mixed: Mixed, tmp_path: Path) -> None:
    import onnxruntime

    twin_of(spec(), mixed(), tmp_path, "sklearn.linear_model.LogisticRegression")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    schema = table.read(pa.table(mixed()), spec()).schema
    names = features.input_names(schema)
    types = {value.name: (value.type, value.shape[1]) for value in session.get_inputs()}
    assert list(types) == [f"x{position}" for position in range(len(names))]
    assert types[f"x{names.index('colour')}"] == ("tensor(string)", 1)
    assert types["x0"] == ("tensor(double)", 1)
    assert [value.name for value in session.get_outputs()] == ["label", "probabilities"]
    assert session.get_outputs()[0].type == "tensor(int64)"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("sklearn.svm.LinearSVC", "gives no probabilities", id="no probabilities"),
        pytest.param("sklearn.dummy.DummyClassifier", "cannot be converted: MissingShapeCalculator", id="no converter"),
    ],
)
def test_a_twin_that_cannot_hold_is_refused_with_the_reason(
    spec: Spec, mixed: Mixed, tmp_path: Path, path: str, reason: str
) -> None:
    twin = twin_of(spec(), mixed(), tmp_path, path)
    assert twin.refused is not None
    assert reason in twin.refused
    assert not (tmp_path / "model.onnx").exists()


def test_a_twin_with_other_answers_is_measured_and_not_kept(
    spec: Spec, mixed: Mixed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "TOLERANCE", -1.0)
    twin = twin_of(spec(), mixed(), tmp_path, "sklearn.linear_model.LogisticRegression")
    assert twin.parity is not None
    assert not twin.parity.holds
    assert twin.refused is not None
    assert not (tmp_path / "model.onnx").exists()


def test_a_conversion_without_end_and_one_too_large_are_given_up(
    spec: Spec, mixed: Mixed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "TIME_LIMIT", 0.01)
    twin = twin_of(spec(), mixed(), tmp_path, "sklearn.linear_model.LogisticRegression")
    assert twin == Twin(None, "the conversion takes more than 0 s")
    monkeypatch.setattr(comparison, "TIME_LIMIT", 60.0)
    monkeypatch.setattr(comparison, "SIZE_LIMIT", 10)
    assert "are allowed" in str(twin_of(spec(), mixed(), tmp_path, "sklearn.linear_model.LogisticRegression").refused)
    assert not (tmp_path / "model.onnx").exists()


def test_one_wrong_label_and_a_number_that_is_none_break_parity() -> None:
    expected = Predictions(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    assert compare(expected, expected).holds
    assert compare(Predictions(np.array([0, 0]), expected.probabilities), expected).label_mismatches == 1
    broken = Predictions(expected.labels, np.array([[np.nan, 0.1], [0.2, 0.8]]))
    assert not compare(broken, expected).holds


def test_the_differences_of_a_regression_are_in_standard_deviations() -> None:
    expected = Predictions(np.array([100.0, 200.0]))
    assert compare(Predictions(np.array([101.0, 200.0])), expected, scale=50.0).max_difference == pytest.approx(0.02)
