from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from mlyard_shared.decision import TOLERANCE
from mlyard_training_pipeline.candidates.predictions import Predictions, predict
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx import comparison
from mlyard_training_pipeline.versions.onnx.comparison import Twin, compare, make_twin
from mlyard_training_pipeline.versions.onnx.conversion import convert
from mlyard_training_pipeline.versions.onnx.limits import Limits

Fit = Callable[..., Any]
LINEAR = "sklearn.linear_model.LogisticRegression"
SURE = Predictions(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))


def twin_of(made: Any, folder: Path, **more: Any) -> Twin:
    skops_file.write(made.pipeline, folder / "model.skops")
    return make_twin(
        folder / "model.skops",
        folder / "model.onnx",
        made.pipeline,
        made.rows,
        task=made.task,
        scale=made.scale,
        **more,
    )


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Convert a pipeline here, which spares a process and its imports; the processes are tested with `limits`."""

    def convert_here(made: Any) -> None:
        def converted(model: Path, twin: Path, pipeline: Any, rows: comparison.Rows, limit: Limits) -> str | None:
            twin.write_bytes(convert(made.pipeline, width=rows.matrix.shape[1], form=rows.form).SerializeToString())
            return None

        monkeypatch.setattr(comparison, "_convert", converted)

    return convert_here


@pytest.mark.parametrize(
    "classes", [pytest.param(2, id="two classes", marks=pytest.mark.long), pytest.param(3, id="three classes")]
)
@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param(LINEAR, {}, id="linear"),
        pytest.param("sklearn.linear_model.SGDClassifier", {"loss": "log_loss"}, id="gradient descent"),
        pytest.param("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}, id="discriminant"),
        pytest.param("sklearn.tree.DecisionTreeClassifier", {}, id="tree"),
        pytest.param("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 30}, id="forest"),
        pytest.param("sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 30}, id="extra trees"),
        pytest.param("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 20}, id="boosting"),
        pytest.param("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 10}, id="histogram boosting"),
        pytest.param("sklearn.ensemble.AdaBoostClassifier", {}, id="boosted stumps"),
        pytest.param("sklearn.ensemble.BaggingClassifier", {"max_features": 0.6, "max_samples": 8}, id="bagging"),
        pytest.param("sklearn.neural_network.MLPClassifier", {"max_iter": 2000, "tol": 0.01}, id="network"),
        pytest.param("sklearn.neural_network.MLPClassifier", {"activation": "tanh", "tol": 1e6}, id="another network"),
        pytest.param("sklearn.naive_bayes.GaussianNB", {}, id="naive Bayes"),
    ],
)
def test_the_twin_of_a_classifier_gives_the_same_answers_everywhere(
    fitted: Fit, in_this_process: Fit, tmp_path: Path, path: str, parameters: dict[str, Any], classes: int
) -> None:
    made = fitted(path, classes=classes, **parameters)
    in_this_process(made)
    twin = twin_of(made, tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.rows > len(made.rows.matrix)
    assert twin.parity.label_mismatches == 0
    assert twin.parity.max_difference < 1e-7


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("sklearn.linear_model.LinearRegression", {}, id="least squares"),
        pytest.param("sklearn.linear_model.Ridge", {}, id="ridge"),
        pytest.param("sklearn.linear_model.Lasso", {}, id="lasso"),
        pytest.param("sklearn.linear_model.QuantileRegressor", {}, id="quantile"),
        pytest.param("sklearn.linear_model.PoissonRegressor", {}, id="Poisson"),
        pytest.param("sklearn.linear_model.GammaRegressor", {}, id="gamma"),
        pytest.param("sklearn.linear_model.TweedieRegressor", {"power": 1.5}, id="Tweedie"),
        pytest.param("sklearn.tree.DecisionTreeRegressor", {}, id="tree"),
        pytest.param("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 30}, id="forest"),
        pytest.param("sklearn.ensemble.ExtraTreesRegressor", {"n_estimators": 30}, id="extra trees"),
        pytest.param("sklearn.ensemble.GradientBoostingRegressor", {"loss": "huber"}, id="boosting"),
        pytest.param(
            "sklearn.ensemble.HistGradientBoostingRegressor", {"loss": "gamma", "max_iter": 10}, id="histogram boosting"
        ),
        pytest.param("sklearn.svm.SVR", {"C": 100.0}, id="support vectors"),
        pytest.param("sklearn.svm.SVR", {"kernel": "linear"}, id="linear support vectors"),
        pytest.param("sklearn.svm.NuSVR", {"kernel": "poly", "coef0": 1.0}, id="polynomial support vectors"),
        pytest.param("sklearn.neural_network.MLPRegressor", {"tol": 1e6}, id="network"),
        pytest.param("sklearn.neural_network.MLPRegressor", {"tol": 1e6, "loss": "poisson"}, id="network of counts"),
    ],
)
def test_the_twin_of_a_regression_gives_the_same_numbers_everywhere(
    fitted: Fit, in_this_process: Fit, tmp_path: Path, path: str, parameters: dict[str, Any]
) -> None:
    made = fitted(path, **parameters)
    in_this_process(made)
    twin = twin_of(made, tmp_path)
    assert twin.refused is None
    assert twin.parity is not None
    assert twin.parity.max_difference < 1e-12


@pytest.mark.parametrize("path", [LINEAR, "sklearn.naive_bayes.GaussianNB"], ids=["ours", "in a process of its own"])
def test_a_twin_that_holds_is_kept(fitted: Fit, tmp_path: Path, path: str) -> None:
    twin = twin_of(fitted(path), tmp_path)
    assert twin.parity is not None
    assert twin.parity.holds
    assert (tmp_path / "model.onnx").is_file()


def test_a_conversion_beyond_its_limits_leaves_no_twin(fitted: Fit, tmp_path: Path) -> None:
    twin = twin_of(fitted("sklearn.naive_bayes.GaussianNB"), tmp_path, limit=Limits(wall=0.01))
    assert twin == Twin(None, "the conversion has not ended after 0 s")
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("path", [LINEAR, "sklearn.tree.DecisionTreeClassifier"], ids=["as made", "as it would be"])
def test_a_twin_that_is_too_large_is_not_kept(
    fitted: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(comparison, "SIZE_LIMIT", 10)
    assert "are allowed" in str(twin_of(fitted(path), tmp_path).refused)
    assert not (tmp_path / "model.onnx").exists()


def test_a_forest_that_would_take_too_much_memory_is_not_converted(fitted: Fit, tmp_path: Path) -> None:
    twin = twin_of(fitted("sklearn.tree.DecisionTreeClassifier"), tmp_path, limit=Limits(memory=1000))
    assert "would take more than 0 MiB of memory to convert" in str(twin.refused)


def test_a_twin_whose_matrix_would_be_wide_is_refused(
    fitted: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_MAX_WIDTH", 10)
    assert "a dense matrix of 18 columns, and 10 are allowed" in str(twin_of(fitted(LINEAR), tmp_path).refused)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("sklearn.svm.LinearSVC", "gives no probabilities", id="no probabilities"),
        pytest.param(
            "sklearn.dummy.DummyClassifier",
            "cannot be converted: MissingShapeCalculator",
            id="no converter",
            marks=pytest.mark.long,
        ),
        pytest.param("sklearn.neighbors.KNeighborsClassifier", "neighbours at the same distance", id="neighbours"),
    ],
)
def test_a_twin_that_cannot_hold_is_refused_with_the_reason(
    fitted: Fit, tmp_path: Path, path: str, reason: str
) -> None:
    twin = twin_of(fitted(path), tmp_path)
    assert reason in str(twin.refused)
    assert not (tmp_path / "model.onnx").exists()


def test_a_twin_that_is_wrong_beside_one_threshold_alone_is_refused(
    fitted: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fitted("sklearn.ensemble.HistGradientBoostingClassifier", max_iter=5)

    def converted(model: Path, twin: Path, pipeline: Any, rows: comparison.Rows, limit: Limits) -> str | None:
        graph = convert(made.pipeline, width=rows.matrix.shape[1], form=rows.form)
        ensemble = next(node for node in graph.graph.node if node.op_type == "TreeEnsemble")
        splits = next(value for value in ensemble.attribute if value.name == "nodes_splits")
        moved = np.nextafter(onnx.numpy_helper.to_array(splits.t), np.inf)
        splits.t.CopyFrom(onnx.numpy_helper.from_array(moved, "nodes_splits"))
        twin.write_bytes(graph.SerializeToString())
        return None

    monkeypatch.setattr(comparison, "_convert", converted)
    twin = twin_of(made, tmp_path)
    session = onnxruntime.InferenceSession(
        convert(made.pipeline, width=8, form=made.rows.form).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(["probabilities"], {"inputs": made.rows.matrix})[0]
    assert np.allclose(found, made.pipeline.predict_proba(made.rows.matrix), atol=1e-12)
    assert twin.parity is not None
    assert not twin.parity.holds
    assert "numbers by up to" in str(twin.refused)
    assert not (tmp_path / "model.onnx").exists()


def test_labels_of_forests_that_tie_are_those_of_scikit_learn(fitted: Fit) -> None:
    made = fitted("sklearn.ensemble.RandomForestClassifier", n_estimators=10, max_depth=None)
    found = predict(made.pipeline, made.rows.matrix, task="classification")
    assert found.probabilities is not None
    assert (np.abs(found.probabilities[:, 0] - 0.5) < 1e-9).any()
    assert (found.labels == made.pipeline.predict(made.rows.matrix)).all()


def test_one_wrong_label_and_a_number_that_one_side_lacks_break_parity() -> None:
    assert compare(SURE, SURE).holds
    assert compare(Predictions(np.array([0, 0]), SURE.probabilities), SURE).label_mismatches == 1
    broken = Predictions(SURE.labels, np.array([[np.nan, 0.1], [0.2, 0.8]]))
    assert not compare(broken, SURE).holds
    assert compare(broken, broken).holds


def test_a_label_may_differ_where_the_decision_hangs_by_twice_the_tolerance() -> None:
    near = Predictions(np.array([0]), np.array([[0.5 - 1.4 * TOLERANCE, 0.5 + 1.4 * TOLERANCE]]))
    far = Predictions(np.array([0]), np.array([[0.5 - 1.6 * TOLERANCE, 0.5 + 1.6 * TOLERANCE]]))
    assert compare(near._replace(labels=np.array([1])), near).label_mismatches == 0
    assert compare(far._replace(labels=np.array([1])), far).label_mismatches == 1


def test_the_differences_of_a_regression_are_in_standard_deviations() -> None:
    expected = Predictions(np.array([100.0, 200.0]))
    assert compare(Predictions(np.array([101.0, 200.0])), expected, scale=50.0).max_difference == pytest.approx(0.02)
