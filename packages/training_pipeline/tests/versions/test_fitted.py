"""Models that scikit-learn alone does not hold: what is kept of them, and what the API runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from mlyard_shared import decision, features
from mlyard_shared.engines import OpenVersion, choose
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest
from mlyard_shared.pipelines import untrusted_types
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.candidates.predictions import predict
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.versions import champion, fitted
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Packaged = Callable[..., tuple[Path, Manifest, Dataset]]
SMALL = {"n_estimators": 20, "n_jobs": 1}


def served(folder: Path, manifest: Manifest, data: Dataset) -> tuple[Array, Array]:
    """Labels and probabilities for the holdout, by what the API has: a manifest, columns and ONNX Runtime."""
    columns = data.columns_for(manifest.input_schema, data.held_out)
    inputs = features.twin_inputs(columns, manifest.input_schema, manifest.inputs)
    (twin,) = (engine.file for engine in manifest.engines if engine.kind == "onnx")
    session = onnxruntime.InferenceSession(str(folder / twin), providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], inputs)
    assert manifest.decision is not None
    return decision.labels(probabilities, manifest.decision), probabilities


def refitted(path: str, data: Dataset, parameters: dict[str, Any]) -> Any:
    """The same pipeline once more, in memory."""
    candidate = Candidate(name="one", estimator=path, parameters=parameters)
    training = ~data.held_out
    pipeline = preprocessing.pipeline(candidate, data.schema, classes=data.classes, rows=int(training.sum()))
    with threadpool_limits(1):
        return pipeline.fit(data.matrix(training, precision=estimators.precision(candidate)), data.target[training])


@pytest.mark.parametrize(
    ("path", "kind", "package"),
    [
        pytest.param("lightgbm.LGBMClassifier", "lightgbm", "lightgbm", id="LightGBM"),
        pytest.param("xgboost.XGBClassifier", "xgboost", "xgboost-cpu", id="XGBoost"),
    ],
)
def test_a_booster_is_served_from_its_twin_alone(packaged: Packaged, path: str, kind: str, package: str) -> None:
    folder, manifest, data = packaged(path, **SMALL)
    assert [(engine.kind, engine.whole) for engine in manifest.engines] == [
        ("skops", False),
        ("onnx", True),
        (kind, False),
    ]
    assert manifest.onnx is not None
    assert manifest.onnx.holds
    assert package in manifest.packages
    booster = manifest.engines[2].file
    assert (folder / booster).stat().st_size > 1000
    assert booster in manifest.files
    assert untrusted_types(folder / "model.skops") == ()
    labels, probabilities = served(folder, manifest, data)
    expected = predict(
        refitted(path, data, SMALL),
        data.matrix(data.held_out, precision=manifest.inputs.precision),
        task="classification",
    )
    assert expected.probabilities is not None
    assert np.abs(probabilities - expected.probabilities).max() < 1e-6
    assert (labels == expected.labels).all()


def test_the_champion_is_asked_by_its_twin(packaged: Packaged) -> None:
    folder, manifest, data = packaged("lightgbm.LGBMClassifier", **SMALL)
    found = champion.predict(OpenVersion(manifest, choose(folder, manifest)), data, data.held_out)
    labels, probabilities = served(folder, manifest, data)
    assert found.probabilities is not None
    assert (found.labels == labels).all()
    assert np.abs(found.probabilities - probabilities).max() < 1e-12


def test_the_same_booster_has_the_same_bytes(packaged: Packaged) -> None:
    folder, first, _ = packaged("lightgbm.LGBMClassifier", **SMALL)
    (folder / "mlyard.json").unlink()
    _, second, _ = packaged("lightgbm.LGBMClassifier", **SMALL)
    assert first.files == second.files


def test_mlflow_is_told_that_the_model_is_onnx(packaged: Packaged) -> None:
    from mlflow.models.model import Model

    folder, _, _ = packaged("xgboost.XGBClassifier", **SMALL)
    described = Model.load(str(folder))
    assert described.flavors["onnx"]["data"] == "model.onnx"
    assert "sklearn" not in described.flavors
    assert "xgboost-cpu" in (folder / "requirements.txt").read_text()


def test_a_stack_of_a_booster_and_others_is_served_from_its_twin(packaged: Packaged) -> None:
    parameters = {
        "estimators": {
            "trees": {"estimator": "lightgbm.LGBMClassifier", "parameters": SMALL},
            "line": {"estimator": "sklearn.linear_model.LogisticRegression"},
        },
        "cv": 2,
    }
    folder, manifest, data = packaged("sklearn.ensemble.StackingClassifier", **parameters)
    assert [engine.kind for engine in manifest.engines] == ["skops", "onnx", "lightgbm"]
    labels, _ = served(folder, manifest, data)
    assert (labels == data.target[data.held_out]).mean() > 0.7


def test_a_booster_without_a_twin_is_not_kept_and_says_why(packaged: Packaged) -> None:
    with pytest.raises(
        TrainingError,
        match=r"candidate one \(lightgbm.LGBMClassifier\) has no ONNX twin, without which nothing can serve it: "
        "it cannot be converted: LightGBM's objective multiclassova",
    ):
        packaged("lightgbm.LGBMClassifier", objective="multiclassova", **SMALL)


def test_what_is_stored_holds_no_other_library(packaged: Packaged, tmp_path: Path) -> None:
    packaged("xgboost.XGBClassifier", **SMALL)
    stored = tmp_path / "fitted"
    assert sorted(file.name for file in stored.iterdir()) == [
        "booster-1.xgboost.ubj",
        "fitted.json",
        "model.onnx",
        "pipeline.skops",
    ]
    assert json.loads((stored / "fitted.json").read_text())["probabilities"]
    assert fitted.facts(stored) is not None
