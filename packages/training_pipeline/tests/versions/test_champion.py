import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.engines import OpenVersion, choose
from mlyard_shared.errors import ArtifactMissing, RegistryUnavailable
from mlyard_shared.manifest import Manifest, file_digest, parse_manifest, write_manifest
from mlyard_shared.registry import ModelVersion, Registry
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates.predictions import Predictions, predict
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.runs import Tracking
from mlyard_training_pipeline.versions import champion
from mlyard_training_pipeline.versions.champion import Answers, translate
from pyarrow import parquet

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]
Package = Callable[..., tuple[Path, Manifest, Dataset]]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]
GOLDEN = Path(__file__).parents[3] / "shared/tests/golden/contract1"


class Folder:
    """A registry that has the files of one version, or answers with an error."""

    def __init__(self, folder: Path, error: Exception | None = None) -> None:
        self._folder, self._error = folder, error

    def download(self, version: ModelVersion, folder: Path) -> None:
        if self._error:
            raise self._error
        shutil.copytree(self._folder, folder, dirs_exist_ok=True)


@pytest.fixture
def ask(tmp_path: Path, spec: Spec) -> Callable[..., Answers]:
    """Ask a champion whose files are in a folder."""

    def question(folder: Path, data: Dataset, error: Exception | None = None, **changes: Any) -> Answers:
        registry = cast("Registry", Folder(folder, error))
        settings = Settings(registry_uri="sqlite:///unused.db", state=tmp_path / "state")
        context = Context(tracking=cast("Tracking", None), registry=registry, settings=settings)
        version = ModelVersion(
            name="mixed",
            version=1,
            manifest_sha256=file_digest(folder / "mlyard.json"),
            gate_report=None,
            run_id="1",
            created_at="2026-01-31T00:00:00Z",
        )
        return champion.ask(context, version, spec=spec(**changes), dataset=data)

    return question


def test_the_champion_answers_for_rows_that_neither_trained_on(packaged: Package, ask: Callable[..., Answers]) -> None:
    folder, manifest, data = packaged("sklearn.ensemble.RandomForestClassifier", n_estimators=10)
    answers = ask(folder, data)
    assert answers.problem is None
    assert (answers.rows == data.held_out).all()
    assert answers.predictions is not None
    matrix = data.matrix(data.held_out, precision="float32")
    from mlyard_shared.pipelines import load_pipeline

    expected = predict(load_pipeline(folder / "model.skops"), matrix, task=manifest.task)
    assert (answers.predictions.labels == expected.labels).all()


def test_rows_that_came_since_are_judged_where_their_hash_is_held_out(
    packaged: Package, ask: Callable[..., Answers], made: Make, spec: Spec, mixed: Mixed
) -> None:
    folder, _, before = packaged("sklearn.linear_model.LogisticRegression")
    more = made(mixed(480), spec(holdout={"fraction": 0.5}))
    answers = ask(folder, more)
    assert answers.problem is None
    # The champion kept a fifth by the same hash, of old rows and of new ones; of the half that is held out now.
    assert (answers.rows[:240] == before.held_out).all()
    assert 20 < answers.rows[240:].sum() < 80
    assert not (answers.rows & ~more.held_out).any()


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_key_of_another_type_means_the_same_rows(
    packaged: Package, ask: Callable[..., Answers], made: Make, spec: Spec, mixed: Mixed, kind: str
) -> None:
    folder, _, before = packaged("sklearn.linear_model.LogisticRegression")
    keys: list[Any] = [{"integer": int, "number": float}[kind](row) for row in range(240)]
    answers = ask(folder, made(mixed() | {"id": keys}, spec()))
    assert (answers.rows == before.held_out).all()


def test_the_twin_is_asked_as_by_the_api(
    packaged: Package, ask: Callable[..., Answers], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, data = packaged("sklearn.linear_model.LogisticRegression")

    def refuse(*_: object) -> None:
        raise AssertionError("the twin holds, so that the pipeline is not loaded")

    monkeypatch.setattr("mlyard_shared.pipelines.load_pipeline", refuse)
    assert ask(folder, data).problem is None


def test_scikit_learn_answers_where_the_twin_does_not_run(packaged: Package, ask: Callable[..., Answers]) -> None:
    folder, manifest, data = packaged("sklearn.linear_model.LogisticRegression")
    (folder / "model.onnx").write_bytes(b"of a later ONNX")
    files = {**manifest.files, "model.onnx": file_digest(folder / "model.onnx")}
    write_manifest(folder, manifest.model_copy(update={"files": files}))
    answers = ask(folder, data)
    assert answers.problem is None
    assert answers.predictions is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"packages": {"scikit-learn": "1.2.3"}}, "trained with scikit-learn 1.2.3 where", id="release"),
        pytest.param({"target": "other"}, "it predicts 'other', a classification", id="target"),
    ],
)
def test_why_a_champion_cannot_be_judged_is_one_sentence(
    packaged: Package, ask: Callable[..., Answers], changes: dict[str, Any], reason: str
) -> None:
    folder, manifest, data = packaged("sklearn.linear_model.LogisticRegression")
    write_manifest(folder, manifest.model_copy(update={"onnx": None, **changes}))
    answers = ask(folder, data)
    assert answers.predictions is None
    assert reason in str(answers.problem)


def test_a_champion_whose_columns_are_gone_cannot_be_judged(
    packaged: Package, ask: Callable[..., Answers], made: Make, spec: Spec, mixed: Mixed
) -> None:
    folder, _, _ = packaged("sklearn.linear_model.LogisticRegression")
    columns = mixed()
    del columns["colour"]
    assert ask(folder, made(columns, spec())).problem == "the table has no column 'colour' any more"
    keyless = {**mixed(), "number": [str(row) for row in range(240)]}
    del keyless["id"]
    answers = ask(folder, made(keyless, spec(key=["number"])))
    assert answers.problem == "the table has no column 'id' any more, which says what was held out"


def test_lost_artifacts_last_and_a_registry_that_is_away_does_not(
    packaged: Package, ask: Callable[..., Answers]
) -> None:
    folder, _, data = packaged("sklearn.linear_model.LogisticRegression")
    assert ask(folder, data, ArtifactMissing("version 1 of mixed", "somewhere")).problem is not None
    with pytest.raises(RegistryUnavailable):
        ask(folder, data, RegistryUnavailable("http://away", "refused"))


def test_too_few_common_rows_cannot_be_compared_on(
    packaged: Package, ask: Callable[..., Answers], made: Make, spec: Spec, mixed: Mixed
) -> None:
    folder, manifest, data = packaged("sklearn.linear_model.LogisticRegression")
    write_manifest(
        folder, manifest.model_copy(update={"holdout": manifest.holdout.model_copy(update={"fraction": 0.01})})
    )
    assert "rows were held out from both" in str(ask(folder, data).problem)


@pytest.mark.parametrize("name", ["mixed", "amount", "again"])
def test_a_version_of_contract_1_answers_as_0_2_0_did(spec: Spec, regression: Spec, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(GOLDEN / f"{name}.zip") as archive:
        archive.extractall(tmp_path / "version")
    manifest = parse_manifest((tmp_path / "version/mlyard.json").read_bytes())
    recorded = json.loads((GOLDEN / f"{name}.answers.json").read_text())["answers"][0]
    rows = recorded["request"]["rows"]
    columns = {column: [row[column] for row in rows] for column in rows[0]} | {"id": list(range(len(rows)))}
    columns[manifest.target] = [10.0 * row for row in range(len(rows))]
    if manifest.task == "classification":
        columns[manifest.target] = [str(manifest.classes[row % len(manifest.classes)]) for row in range(len(rows))]
    made = {"classification": spec, "regression": regression}[manifest.task](
        target=manifest.target, features={}, folds=2, holdout={"fraction": 0.4}
    )
    parquet.write_table(pa.table(columns), tmp_path / "snapshot.parquet")
    data = dataset.store.make(tmp_path / "snapshot.parquet", tmp_path, made)
    found = champion.predict(
        OpenVersion(manifest, choose(tmp_path / "version", manifest)), data, np.ones(len(rows), dtype=bool)
    )
    answers, probabilities = zip(*recorded["predictions"], strict=True)
    if manifest.task == "regression":
        assert found.labels == pytest.approx(answers, abs=1e-9)
        return
    assert [manifest.classes[label] for label in found.labels] == list(answers)
    assert found.probabilities is not None
    expected = [[shares[_spelled(label)] for label in manifest.classes] for shares in probabilities]
    assert found.probabilities == pytest.approx(np.array(expected), abs=1e-9)


def _spelled(label: bool | int | str) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def test_predictions_over_other_classes_keep_their_meaning() -> None:
    spoken = Predictions(np.array([0, 1, 2]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]))
    found = translate(spoken, known=("a", "b", "c"), wanted=("b", "c", "d"))
    assert found.labels.tolist() == [-1, 0, 1]
    assert found.probabilities is not None
    assert found.probabilities[2].tolist() == [0.1, 0.8, 0.0]
