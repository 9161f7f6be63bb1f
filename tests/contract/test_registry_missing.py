"""What is missing in a real registry, told from what refuses, and from a server that is away."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mlyard_shared.errors import ArtifactMissing, ExperimentMissing, ModelNotFound, RegistryUnavailable, RunMissing
from mlyard_shared.manifest import MANIFEST_FILE
from mlyard_shared.registry import ModelVersion, Registry, artifacts, history, promote
from mlyard_shared.registry.experiments import ensure_experiment, find_experiment, run_calls

from .passage import Passage


@pytest.fixture
def name() -> str:
    return f"model-{uuid4().hex[:12]}"


@pytest.fixture
def registered(registry: Registry, name: str, tmp_path: Path) -> ModelVersion:
    """A version with a folder inside, and its training's run with a file."""
    folder = tmp_path / "version"
    (folder / "extra").mkdir(parents=True)
    for file in (MANIFEST_FILE, "extra/notes.txt"):
        (folder / file).write_text(file)
    run = registry.client.create_run(ensure_experiment(registry.client, name, uri=registry.uri))
    registry.client.log_artifact(run.info.run_id, str(folder / MANIFEST_FILE))
    return registry.register(folder, name=name, run_id=run.info.run_id, gate_report="none")


def location(registry: Registry, version: ModelVersion, file: str) -> str:
    return f"{registry.client.get_run(version.run_id).info.artifact_uri}/{file}"


@pytest.fixture
def lose(mlflow_state: Path, registry: Registry, name: str) -> Callable[[], None]:
    """Lose the artifacts of a model, as with their volume."""

    def lost() -> None:
        experiment = find_experiment(registry.client, name, uri=registry.uri)
        shutil.rmtree(mlflow_state / "artifacts" / str(experiment))

    return lost


def test_a_version_whose_files_are_lost_is_said_so(
    registry: Registry, registered: ModelVersion, lose: Callable[[], None], tmp_path: Path
) -> None:
    lose()
    with pytest.raises(ArtifactMissing, match=rf"has lost the files of version 1 of {registered.name}$"):
        registry.download(registered, tmp_path)


def test_a_version_whose_files_are_emptied_is_said_so(
    registry: Registry, registered: ModelVersion, mlflow_state: Path, tmp_path: Path
) -> None:
    experiment = find_experiment(registry.client, registered.name, uri=registry.uri)
    (files,) = (mlflow_state / "artifacts" / str(experiment) / "models").glob("*/artifacts")
    for entry in files.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    with pytest.raises(ArtifactMissing, match="has lost the files of version 1"):
        registry.download(registered, tmp_path)


def test_a_file_of_a_run_is_looked_for_where_it_was_stored(
    registry: Registry, registered: ModelVersion, lose: Callable[[], None], tmp_path: Path
) -> None:
    stored, other = (location(registry, registered, file) for file in (MANIFEST_FILE, "other.json"))
    assert artifacts.exists(stored, uri=registry.uri)
    assert not artifacts.exists(other, uri=registry.uri)
    with pytest.raises(ArtifactMissing, match=r"has lost other\.json"):
        artifacts.fetch(other, tmp_path, uri=registry.uri, what="other.json")
    lose()
    assert not artifacts.exists(stored, uri=registry.uri)
    artifacts.delete(stored, uri=registry.uri)


def test_a_run_that_is_not_there_is_said_so(registry: Registry) -> None:
    with (
        pytest.raises(RunMissing, match=r"has no run 0{32}: it was deleted, or the database was replaced$"),
        run_calls(registry.client, "0" * 32, uri=registry.uri),
    ):
        registry.client.get_run("0" * 32)


def test_an_experiment_that_is_not_there_is_said_so(registry: Registry) -> None:
    with (
        pytest.raises(ExperimentMissing, match=r"has no experiment 4711: it was deleted"),
        run_calls(registry.client, "0", uri=registry.uri),
    ):
        registry.client.create_run("4711")


@pytest.mark.parametrize("call", [ensure_experiment, find_experiment])
def test_an_experiment_in_the_trash_names_the_way_out(registry: Registry, name: str, call: Any) -> None:
    number = ensure_experiment(registry.client, name, uri=registry.uri)
    registry.client.delete_experiment(number)
    with pytest.raises(ExperimentMissing) as caught:
        call(registry.client, name, uri=registry.uri)
    assert f"experiment {number} ({name}) of the registry" in str(caught.value)
    assert f"`mlflow experiments restore --experiment-id {number}`" in str(caught.value)
    registry.client.restore_experiment(number)
    assert call(registry.client, name, uri=registry.uri) == number


def test_a_ledger_in_the_trash_is_said_so_and_goes_on_when_it_is_back(
    registry: Registry, registered: ModelVersion
) -> None:
    promote(registry, registered.name, 1, actor="ann", reason="first")
    ledger = find_experiment(registry.client, f"{registered.name}.promotions", uri=registry.uri)
    assert ledger is not None
    registry.client.delete_experiment(ledger)
    with pytest.raises(ExperimentMissing, match="mlflow experiments restore"):
        history(registry, registered.name)
    registry.client.restore_experiment(ledger)
    assert [move.to_version for move in history(registry, registered.name)] == [1]


def test_a_version_that_was_deleted_has_no_files(registry: Registry, registered: ModelVersion, tmp_path: Path) -> None:
    registry.client.delete_model_version(registered.name, "1")
    with pytest.raises(ModelNotFound):
        registry.download(registered, tmp_path)


def test_a_server_that_is_away_has_lost_no_file(passage: Passage, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    passage.close()
    with pytest.raises(RegistryUnavailable):
        artifacts.fetch("mlflow-artifacts:/1/run/artifacts/file", tmp_path, uri=passage.uri, what="a file")
    with pytest.raises(RegistryUnavailable):
        artifacts.exists("mlflow-artifacts:/1/run/artifacts/file", uri=passage.uri)
