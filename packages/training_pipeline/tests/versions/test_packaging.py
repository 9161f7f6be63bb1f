from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared import decision, features
from mlyard_shared.decision import Decision
from mlyard_shared.manifest import BACKGROUND_FILE, MODEL_FILE, ONNX_FILE, Manifest, verify_folder
from mlyard_shared.pipelines import load_pipeline
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.versions.onnx import session

Package = Callable[..., tuple[Path, Manifest, Dataset]]
FOREST = "sklearn.ensemble.RandomForestClassifier"


def test_a_version_follows_contract_2(packaged: Package) -> None:
    folder, manifest, dataset = packaged(FOREST, n_estimators=10)
    assert (manifest.contract, manifest.grammar) == (2, 2)
    assert (manifest.inputs.encoding, manifest.inputs.precision) == ("codes", "float32")
    assert [(engine.kind, engine.file) for engine in manifest.engines] == [("skops", MODEL_FILE), ("onnx", ONNX_FILE)]
    assert manifest.decision == Decision()
    assert manifest.holdout == dataset.rule
    assert manifest.holdout.hash_name == "siphash24"
    assert manifest.onnx is not None
    assert manifest.onnx.rows > dataset.held_out.sum()
    assert manifest.metrics == {"cv_accuracy": 0.75, "holdout_accuracy": 0.7}
    assert manifest.trained_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert [reference.column for reference in manifest.reference] == [c.name for c in manifest.input_schema.columns]
    assert {file.name for file in folder.iterdir()} == {*manifest.files, "mlyard.json"}


def test_the_background_is_a_sample_of_the_training_rows_in_codes(packaged: Package) -> None:
    folder, manifest, dataset = packaged(FOREST, n_estimators=3)
    assert manifest.background is not None
    sample = np.load(folder / BACKGROUND_FILE, allow_pickle=False)
    assert sample.dtype == np.float64
    assert sample.shape == (manifest.background.rows, len(manifest.input_schema.input_names))
    training = dataset.matrix(~dataset.held_out, precision="float64")
    known = {tuple(np.nan_to_num(row, nan=-99.0)) for row in training}
    assert all(tuple(np.nan_to_num(row, nan=-99.0)) in known for row in sample)


def test_both_engines_of_a_version_say_the_same(packaged: Package) -> None:
    folder, manifest, dataset = packaged(FOREST, n_estimators=10)
    matrix = dataset.matrix(precision="float32")
    found = session.predict(folder / ONNX_FILE, {"inputs": matrix}, task="classification", rule=manifest.decision)
    probabilities = load_pipeline(folder / MODEL_FILE).predict_proba(matrix)
    assert np.abs(found.probabilities - probabilities).max() < 1e-6
    assert (found.labels == decision.labels(probabilities, Decision())).all()


@pytest.mark.parametrize(
    ("path", "rounded"), [(FOREST, True), ("sklearn.ensemble.HistGradientBoostingClassifier", False)]
)
def test_the_schema_says_where_a_column_loses_digits(packaged: Package, path: str, rounded: bool) -> None:
    arrived = [str(1_700_000_000_000 + 60_000 * row) for row in range(240)]
    _, manifest, _ = packaged(path, columns={"count": arrived})
    assert {column.name: column.rounded for column in manifest.input_schema.columns}["count"] == rounded


def test_an_estimator_without_probabilities_has_the_engines_own_label_and_no_twin(packaged: Package) -> None:
    folder, manifest, _ = packaged("sklearn.svm.LinearSVC")
    assert manifest.decision is None
    assert manifest.onnx is None
    assert "gives no probabilities" in str(manifest.onnx_refused)
    assert [engine.kind for engine in manifest.engines] == ["skops"]
    assert not (folder / ONNX_FILE).exists()


def test_the_manifest_holds_the_digest_of_every_file(packaged: Package) -> None:
    folder, manifest, _ = packaged("sklearn.linear_model.LogisticRegression")
    from mlyard_shared.manifest import file_digest

    assert verify_folder(folder, manifest_digest=file_digest(folder / "mlyard.json")) == manifest


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        pytest.param("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 10}, id="histogram boosting"),
        pytest.param(FOREST, {"n_estimators": 10}, id="forest"),
        pytest.param(
            "sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 5}, id="boosting", marks=pytest.mark.long
        ),
    ],
)
@pytest.mark.parametrize(
    ("start", "step", "beside"),
    [
        pytest.param(0, 1, 1e-9, id="integers and a little"),
        pytest.param(1_700_000_000_000, 60_000, 1.0, id="milliseconds since the epoch", marks=pytest.mark.long),
        pytest.param(99_999_900, 1, 0.01, id="cents near a hundred million"),
    ],
)
def test_a_value_a_little_beside_a_threshold_gets_one_answer_of_both_engines(
    packaged: Package, path: str, parameters: dict[str, Any], start: int, step: int, beside: float
) -> None:
    counts = [str(start + step * (row % 60)) for row in range(240)]
    kinds = ["small" if row % 60 < 20 else "middle" if row % 60 < 40 else "large" for row in range(240)]
    folder, manifest, dataset = packaged(path, columns={"count": counts, "kind": kinds}, **parameters)
    pipeline = load_pipeline(folder / MODEL_FILE)
    columns = dataset.columns()
    values = start + step * (np.arange(240) % 60).astype(np.float64)
    for moved in (values - beside, values, values + beside, values + step / 2 - beside, values + step / 2 + beside):
        matrix = features.matrix({**columns, "count": moved}, manifest.input_schema, manifest.inputs)
        found = session.predict(folder / ONNX_FILE, {"inputs": matrix}, task="classification", rule=manifest.decision)
        probabilities = pipeline.predict_proba(matrix)
        assert np.abs(found.probabilities - probabilities).max() < 1e-6
        assert (found.labels == decision.labels(probabilities, Decision())).all()
