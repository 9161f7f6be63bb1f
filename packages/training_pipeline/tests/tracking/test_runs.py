from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mlyard_shared.errors import ArtifactMissing, ExperimentMissing, RunMissing, SettingsError
from mlyard_shared.registry import Registry, artifacts
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.tracking.context import Context

Spec = Callable[..., ModelSpec]
Written = Callable[..., Path]


@pytest.fixture
def model() -> str:
    return f"model-{uuid4().hex[:8]}"


@pytest.fixture
def run(context: Context, model: str) -> Any:
    return context.tracking.open_training(model, "one", {})


def test_the_same_key_finds_the_same_run_and_sets_it_going_again(context: Context, model: str, run: Any) -> None:
    context.tracking.end(run.info.run_id, "FAILED")
    again = context.tracking.open_training(model, "one", {})
    assert again.info.run_id == run.info.run_id
    assert context.tracking.get(run.info.run_id).info.status == "RUNNING"
    assert context.tracking.open_training(model, "it's another", {}).info.run_id != run.info.run_id
    assert context.tracking.find_training(model, "it's another") is not None


def test_only_the_runs_that_nobody_has_ended_are_running(context: Context, model: str, run: Any) -> None:
    other = context.tracking.open_training(model, "two", {})
    context.tracking.end(other.info.run_id, "FINISHED")
    assert [found.info.run_id for found in context.tracking.running(model, "training")] == [run.info.run_id]
    assert context.tracking.running(model, "snapshot") == []
    assert context.tracking.running("never-trained", "training") == []


def test_a_spec_is_fetched_once(
    context: Context, run: Any, spec: Spec, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.tracking.store_spec(run.info.run_id, written(tmp_path / "specs", spec()))
    fetched = []
    real = artifacts.fetch

    def counted(*arguments: Any, **more: Any) -> Path:
        fetched.append(arguments)
        return real(*arguments, **more)

    monkeypatch.setattr(artifacts, "fetch", counted)
    another_process = Context.from_settings(context.settings)
    assert [another_process.tracking.spec_of(run.info.run_id) for _ in range(5)] == [spec()] * 5
    assert len(fetched) == 1
    assert context.tracking.spec_of(run.info.run_id) == spec()
    assert len(fetched) == 1


def test_a_stored_document_is_an_artifact_until_it_is_deleted(context: Context, run: Any, tmp_path: Path) -> None:
    number = run.info.run_id
    assert not context.tracking.has_artifact(number, "gate.json")
    context.tracking.store_json(number, "gate.json", {"passed": True})
    assert context.tracking.has_artifact(number, "gate.json")
    assert "passed" in context.tracking.fetch(number, "gate.json", tmp_path).read_text()
    context.tracking.delete_artifact(number, "gate.json")
    assert not context.tracking.has_artifact(number, "gate.json")
    with pytest.raises(ArtifactMissing, match=rf"has lost gate\.json of run {number}$"):
        context.tracking.fetch(number, "gate.json", tmp_path)


def test_a_run_of_another_registry_is_said_to_be_missing(context: Context) -> None:
    with pytest.raises(RunMissing, match=r"has no run 0{32}"):
        context.tracking.spec_of("0" * 32)


def test_an_experiment_in_the_trash_is_told_with_the_way_out(context: Context, model: str, run: Any) -> None:
    context.registry.client.delete_experiment(run.info.experiment_id)
    with pytest.raises(ExperimentMissing, match="mlflow experiments restore --experiment-id"):
        context.tracking.open_training(model, "two", {})


def test_a_run_that_was_deleted_is_not_found_again(context: Context, model: str, run: Any) -> None:
    context.tracking.delete(run.info.run_id)
    assert context.tracking.find_training(model, "one") is None


def test_an_empty_address_is_refused_and_makes_no_store_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(SettingsError, match="is not an address of a registry"):
        Registry("")
    assert not list(tmp_path.iterdir())
