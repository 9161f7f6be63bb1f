from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_model_api import version
from mlyard_model_api.engine import Engine, choose
from mlyard_model_api.version import Reference, verify
from mlyard_shared import features
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.manifest import OnnxParity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from .versions import HOLDS, PENGUINS, SPECIES, penguin_columns, regressor, write_regressor, write_version

DIFFERS = OnnxParity(rows=40, label_mismatches=3, max_difference=0.5, tolerance=1e-6)


def engine(folder: Path, digest: str, name: str = "penguins") -> Engine:
    return choose(folder, verify(folder, Reference(name=name, version=1, digest=digest)))


def test_the_twin_runs_where_it_holds(tmp_path: Path, fitted: Any) -> None:
    chosen = engine(tmp_path / "v", write_version(tmp_path / "v", fitted, onnx=HOLDS))
    assert chosen.name == "onnx"


def test_both_engines_answer_as_the_pipeline_does(tmp_path: Path, fitted: Any) -> None:
    columns = penguin_columns(200, seed=1)
    inputs = features.inputs(columns, PENGUINS)
    expected = fitted.predict_proba(features.matrix(inputs))
    for folder, parity in ((tmp_path / "onnx", HOLDS), (tmp_path / "skops", None)):
        output = engine(folder, write_version(folder, fitted, onnx=parity)).predict(inputs)
        assert output.probabilities is not None
        np.testing.assert_allclose(output.probabilities, expected, atol=1e-9)
        assert list(output.predictions) == list(expected.argmax(axis=1))
    assert len(set(expected.argmax(axis=1))) == len(SPECIES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"onnx": None, "onnx_refused": "too large"}, "no ONNX twin (too large)", id="none"),
        pytest.param({"onnx": DIFFERS}, "the ONNX twin differs: 3 labels of 40 rows", id="differs"),
        pytest.param({"onnx": HOLDS, "twin_inputs": "y"}, "other inputs or outputs", id="other inputs"),
    ],
)
def test_the_pipeline_runs_where_the_twin_does_not(
    tmp_path: Path, fitted: Any, changes: dict[str, Any], reason: str
) -> None:
    chosen = engine(tmp_path / "v", write_version(tmp_path / "v", fitted, **changes))
    assert chosen.name == "skops"
    assert reason in chosen.reason
    assert chosen.reason.endswith("runs the pipeline")


def test_a_twin_that_onnx_runtime_refuses_leaves_the_pipeline(tmp_path: Path, fitted: Any) -> None:
    folder = tmp_path / "v"
    digest = write_version(folder, fitted, onnx=HOLDS)
    manifest = verify(folder, Reference(name="penguins", version=1, digest=digest))
    (folder / "model.onnx").write_bytes(b"no model")
    chosen = choose(folder, manifest)
    assert chosen.name == "skops"
    assert "model.onnx cannot be loaded" in chosen.reason


def test_the_twin_runs_at_another_scikit_learn(tmp_path: Path, fitted: Any) -> None:
    digest = write_version(tmp_path / "v", fitted, onnx=HOLDS, packages={"scikit-learn": "0.1.2"})
    assert engine(tmp_path / "v", digest).name == "onnx"


def test_a_pipeline_at_another_scikit_learn_is_refused(tmp_path: Path, fitted: Any) -> None:
    digest = write_version(tmp_path / "v", fitted, packages={"scikit-learn": "0.1.2"})
    with pytest.raises(ModelVersionRefused, match=r"trained with scikit-learn 0\.1\.2"):
        engine(tmp_path / "v", digest)


def test_a_type_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    pipeline = make_pipeline(FunctionTransformer(print), regressor(1.0)[-1])
    digest = write_version(tmp_path / "w", pipeline, name="diabetes", classes=())
    with pytest.raises(ModelVersionRefused, match=r"not trusted: builtins\.print"):
        engine(tmp_path / "w", digest, "diabetes")


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "v"
    digest = write_regressor(folder, 1.0)
    manifest = verify(folder, Reference(name="diabetes", version=1, digest=digest))
    (folder / "model.skops").write_bytes(b"cposix\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(ModelVersionRefused):
        choose(folder, manifest)
    assert not (tmp_path / "ran").exists()


def test_a_classifier_without_probabilities_answers_none(tmp_path: Path, fitted: Any) -> None:
    from sklearn.svm import LinearSVC

    columns = penguin_columns(90)
    matrix = features.matrix(features.inputs(columns, PENGUINS))
    index = np.digitize(columns["mass"], [4000, 5000]).astype(np.int64)
    pipeline = make_pipeline(fitted[0], LinearSVC(max_iter=20000, tol=1.0)).fit(matrix, index)
    digest = write_version(tmp_path / "v", pipeline)
    reference = Reference(name="penguins", version=1, digest=digest)
    loaded = version.load(tmp_path / "v", reference, verify(tmp_path / "v", reference))
    assert loaded.predict(columns).probabilities is None
