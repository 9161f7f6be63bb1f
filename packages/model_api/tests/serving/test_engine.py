from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.serving import version
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.version import Reference, verify
from mlyard_shared import features
from mlyard_shared.decision import Decision, labels
from mlyard_shared.engines import Engine, choose
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.manifest import ONNX_FILE, EngineFile, OnnxParity
from mlyard_shared.schema import InputForm
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from ..versions import (
    CODES,
    HOLDS,
    PENGUINS,
    SPECIES,
    TEXT,
    classifier,
    fit,
    penguin_columns,
    regressor,
    write_full_version,
    write_regressor,
    write_version,
)

SKOPS = EngineFile(kind="skops", file="model.skops")
PREPARES = EngineFile(kind="skops", file="model.skops", whole=False)
TWIN = EngineFile(kind="onnx", file=ONNX_FILE)
BOOSTER = EngineFile(kind="lightgbm", file="MLmodel")
DIFFERS = OnnxParity(rows=40, label_mismatches=3, max_difference=0.5, tolerance=1e-6)


def engine(folder: Path, digest: str, name: str = "penguins") -> Engine:
    return choose(folder, verify(folder, Reference(name=name, version=1, digest=digest)))


def test_the_twin_runs_where_it_holds(tmp_path: Path, fitted: Any) -> None:
    chosen = engine(tmp_path / "v", write_version(tmp_path / "v", fitted, onnx=HOLDS))
    assert chosen.name == "onnx"


@pytest.mark.parametrize("form", [CODES, CODES.model_copy(update={"precision": "float32"}), TEXT], ids=repr)
def test_both_engines_answer_as_the_pipeline_does(tmp_path: Path, form: InputForm) -> None:
    pipeline = classifier(form)
    columns = penguin_columns(200, seed=1)
    columns["island"][:40] = "Torgersen"
    expected = pipeline.predict_proba(features.matrix(columns, PENGUINS, form))
    for name, parity in (("onnx", HOLDS), ("skops", None)):
        folder = tmp_path / name
        chosen = engine(folder, write_version(folder, pipeline, form=form, onnx=parity))
        assert chosen.name == name
        output = chosen.predict(columns)
        assert output.probabilities is not None
        np.testing.assert_allclose(output.probabilities, expected, atol=1e-9 if form.precision == "float64" else 1e-5)
        assert list(output.predictions) == list(expected.argmax(axis=1))
    assert len(set(expected.argmax(axis=1))) == len(SPECIES)


COSTS = ((0.0, 1.0, 5.0), (2.0, 0.0, 1.0), (50.0, 50.0, 0.0))
DECISIONS = [
    Decision(tolerance=0.9),
    Decision(kind="costs", costs=COSTS),
]


@pytest.mark.parametrize("rule", DECISIONS, ids=["tolerance", "costs"])
@pytest.mark.parametrize("parity", [HOLDS, None], ids=["onnx", "skops"])
def test_the_decision_makes_the_label(tmp_path: Path, fitted: Any, rule: Decision, parity: OnnxParity | None) -> None:
    columns = penguin_columns(200, seed=1)
    output = engine(tmp_path / "v", write_version(tmp_path / "v", fitted, onnx=parity, decision=rule)).predict(columns)
    assert output.probabilities is not None
    assert list(output.predictions) == list(labels(output.probabilities, rule))
    assert list(output.predictions) != list(output.probabilities.argmax(axis=1))


@pytest.mark.parametrize("parity", [HOLDS, None], ids=["onnx", "skops"])
def test_without_a_decision_the_label_is_the_engines_own(
    tmp_path: Path, fitted: Any, parity: OnnxParity | None
) -> None:
    columns = penguin_columns(200, seed=1)
    output = engine(tmp_path / "v", write_version(tmp_path / "v", fitted, onnx=parity, decision=None)).predict(columns)
    assert list(output.predictions) == list(fitted.predict(features.matrix(columns, PENGUINS, CODES)))


def test_a_threshold_is_for_two_classes_and_is_kept_by_both_engines(tmp_path: Path) -> None:
    columns = penguin_columns(200, seed=1)
    pipeline = fit(LogisticRegression(max_iter=3000, C=0.01), classes=2)
    rule = Decision(kind="threshold", threshold=0.8)
    for parity in (HOLDS, None):
        folder = tmp_path / str(parity is None)
        digest = write_version(folder, pipeline, classes=("no", "yes"), onnx=parity, decision=rule)
        output = engine(folder, digest).predict(columns)
        assert output.probabilities is not None
        assert list(output.predictions) == list((output.probabilities[:, 1] > 0.8).astype(int))
        assert set(output.predictions) == {0, 1}
        assert (output.predictions != (output.probabilities[:, 1] > 0.5)).any()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"onnx": None, "onnx_refused": "too large"}, "no ONNX twin (too large)", id="none"),
        pytest.param({"onnx": DIFFERS}, "the ONNX twin differs: 3 labels of 40 rows", id="differs"),
        pytest.param({"onnx": HOLDS, "twin_inputs": "y"}, "other inputs or outputs", id="other inputs"),
        pytest.param(
            {"onnx": HOLDS, "inputs": InputForm(precision="float32")}, "other inputs or outputs", id="other precision"
        ),
        pytest.param({"onnx": HOLDS, "inputs": TEXT}, "other inputs or outputs", id="other form"),
        pytest.param({"onnx": HOLDS, "engines": (SKOPS,)}, "there is no ONNX twin", id="not an engine"),
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


def test_a_classifier_without_probabilities_answers_none(tmp_path: Path) -> None:
    columns = penguin_columns(90)
    pipeline = fit(LinearSVC(max_iter=20000, tol=1.0))
    digest = write_version(tmp_path / "v", pipeline)
    reference = Reference(name="penguins", version=1, digest=digest)
    loaded = version.load(tmp_path / "v", reference, verify(tmp_path / "v", reference), lane=Lane("penguins", rows=1))
    assert loaded.predict(columns).probabilities is None
    expected = pipeline.predict(features.matrix(columns, PENGUINS, CODES))
    assert list(loaded.predict(columns).predictions) == list(expected)


def test_a_boosters_twin_runs_and_its_other_files_are_left_alone(tmp_path: Path, fitted: Any) -> None:
    folder = tmp_path / "v"
    digest = write_version(folder, fitted, onnx=HOLDS, engines=(PREPARES, TWIN, BOOSTER))
    manifest = verify(folder, Reference(name="penguins", version=1, digest=digest))
    (folder / "model.skops").unlink()
    (folder / "MLmodel").unlink()
    assert choose(folder, manifest).name == "onnx"


@pytest.mark.parametrize(
    ("parity", "reason"),
    [
        pytest.param(None, "there is no ONNX twin", id="no twin"),
        pytest.param(DIFFERS, "the ONNX twin differs", id="differs"),
    ],
)
def test_a_booster_without_a_twin_is_refused(
    tmp_path: Path, fitted: Any, parity: OnnxParity | None, reason: str
) -> None:
    twin = () if parity is None else (TWIN,)
    digest = write_version(tmp_path / "v", fitted, onnx=parity, engines=(PREPARES, *twin, BOOSTER))
    with pytest.raises(ModelVersionRefused, match=f"{reason}.*, and no scikit-learn pipeline holds the whole model"):
        engine(tmp_path / "v", digest)


def test_a_version_with_every_fact_of_the_contract_serves(tmp_path: Path, fitted: Any) -> None:
    digest = write_full_version(tmp_path / "v", fitted)
    reference = Reference(name="penguins", version=1, digest=digest)
    manifest = verify(tmp_path / "v", reference)
    loaded = version.load(tmp_path / "v", reference, manifest, lane=Lane("penguins", rows=1))
    assert loaded.engine.name == "onnx"
    output = loaded.predict(penguin_columns(50))
    assert output.probabilities is not None
    assert manifest.decision is not None
    assert list(output.predictions) == list(labels(output.probabilities, manifest.decision))
