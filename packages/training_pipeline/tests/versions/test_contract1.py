"""Versions of contract 1 of today's pipeline; `tests/contract/test_mixed_versions.py` lets 0.2.0's API serve them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from mlyard_shared.engines import SkopsEngine, open_version
from mlyard_shared.errors import TrainingError
from mlyard_shared.manifest import MODEL_FILE, ONNX_FILE, Manifest, file_digest, verify_folder
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import holdout1
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.versions import contract1, fitted

Packaged = Callable[..., tuple[Path, Manifest, Dataset]]
ESTIMATORS = {
    "sklearn.linear_model.LogisticRegression": {"max_iter": 2000},
    "sklearn.ensemble.RandomForestClassifier": {"n_estimators": 5},
    "sklearn.ensemble.HistGradientBoostingClassifier": {"max_iter": 5},
    "sklearn.linear_model.RidgeClassifier": {},
}


@pytest.mark.parametrize("path", ESTIMATORS, ids=lambda path: path.rpartition(".")[2])
def test_a_version_of_contract_1_answers_as_the_pipeline_that_was_judged(
    packaged: Packaged, path: str, tmp_path: Path
) -> None:
    folder, manifest, data = packaged(path, contract=1, **ESTIMATORS[path])
    digest = file_digest(folder / "mlyard.json")
    assert verify_folder(folder, manifest_digest=digest) == manifest
    assert (manifest.contract, manifest.grammar, manifest.decision) == (1, 1, None)
    assert (manifest.inputs, manifest.holdout.hash_name) == (contract1.FORM, "sha256")

    assert np.array_equal(data.held_out, holdout1.members(data.table, manifest.holdout, data.table))
    precision: Literal["float32", "float64"] = "float32" if "RandomForest" in path else "float64"
    expected = fitted.predict(tmp_path / "fitted", data.matrix(precision=precision), task="classification")
    columns = data.columns()
    version = open_version(folder, manifest_digest=digest)
    assert version.engine.name == ("skops" if "Ridge" in path else "onnx")
    pipeline = SkopsEngine(folder / MODEL_FILE, manifest, no_twin="not asked")
    for found in (version.predict(columns), pipeline.predict(columns)):
        assert np.array_equal(found.predictions, expected.labels)
        if expected.probabilities is not None:
            assert found.probabilities is not None
            assert np.allclose(found.probabilities, expected.probabilities, atol=1e-5)


def test_its_manifest_has_the_keys_of_0_2_0_alone(packaged: Packaged) -> None:
    folder, _, _ = packaged("sklearn.linear_model.LogisticRegression", contract=1, max_iter=2000)
    document = json.loads((folder / "mlyard.json").read_text())
    assert not document.keys() & {"grammar", "inputs", "engines", "decision", "conformal", "background", "card"}
    assert "hash_name" not in document["holdout"]
    assert all("rounded" not in column for column in document["input_schema"]["columns"])
    assert not (folder / "background.npy").exists()
    assert (folder / ONNX_FILE).is_file()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_an_estimator_whose_own_label_is_not_the_likeliest_class_is_refused(packaged: Packaged) -> None:
    # Its probabilities come from a calibration of their own, and its label does not.
    with pytest.raises(TrainingError, match=r"contract 1 of a model version .*MODEL_VERSION_CONTRACT to 2"):
        packaged("sklearn.svm.SVC", contract=1, probability=True, C=0.001)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"decision": {"threshold": 0.3}}, "decision"),
        ({"conformal": [0.9]}, "conformal"),
        ({"metric": "brier"}, "metric"),
        (
            {"candidates": [{"name": "b", "estimator": "lightgbm.LGBMClassifier"}]},
            "candidates.b.estimator",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_contract_1_cannot_say_is_refused_before_the_training(
    spec: Callable[..., ModelSpec], changes: dict[str, object], key: str
) -> None:
    assert list(contract1.problems(spec())) == []
    (found,) = contract1.problems(spec(**changes))
    assert found.startswith(f"{key}: contract 1 of a model version, which {contract1.SETTING} asks for, cannot say it;")
    assert found.endswith(f"set {contract1.SETTING} to 2, for which the API has to be 0.3.0 or newer")
