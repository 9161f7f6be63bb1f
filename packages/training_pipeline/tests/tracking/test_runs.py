import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from mlflow.entities import Dataset, DatasetInput
from mlyard_shared.errors import ArtifactMissing, ExperimentMissing, RunMissing, SettingsError
from mlyard_shared.registry import Registry, artifacts
from mlyard_shared.registry.experiments import NOTE
from mlyard_shared.registry.ledger import Ledger
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import training

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


def test_a_training_is_named_as_a_person_would(context: Context, model: str) -> None:
    run = context.tracking.open_training(model, "scheduled__2026-01-01T00:00:00+00:00", {})
    day = datetime.fromtimestamp(run.info.start_time / 1000, UTC).date()
    assert run.info.run_name == f"{model} {day}"
    assert run.data.tags["mlyard.run_key"] == "scheduled__2026-01-01T00:00:00+00:00"
    context.tracking.rename(run.info.run_id, training(model, run.info.start_time, "forest"))
    assert context.tracking.get(run.info.run_id).info.run_name == f"{model} {day} · forest"
    assert training("penguins", 0, "forest") == "penguins 1970-01-01 · forest"


def test_a_run_says_what_made_it(context: Context, run: Any) -> None:
    tags = context.tracking.get(run.info.run_id).data.tags
    assert tags["mlyard.package.scikit-learn"] == version("scikit-learn")
    assert tags["mlyard.package.python"] == platform.python_version()
    assert tags["mlflow.source.name"] == f"mlyard-training-pipeline {version('mlyard-training-pipeline')}"


def test_each_experiment_of_a_model_says_what_it_holds_unless_somebody_has_said_so(
    context: Context, model: str
) -> None:
    client = context.registry.client
    Ledger(context.registry, model).open("found", origin=None, target=1, previous=None, actor="a", reason="r")
    opened = context.tracking.experiment(model), context.tracking.table_experiment(model)
    moves = client.get_experiment_by_name(f"{model}.promotions")
    assert moves is not None
    told = [client.get_experiment(number).tags[NOTE] for number in opened] + [moves.tags[NOTE]]
    assert [text.split(" ", 2)[1] for text in told] == ["trainings", "tables", "moves"]
    client.set_experiment_tag(opened[0], NOTE, "ours")
    context.tracking.experiment(model)
    assert client.get_experiment(opened[0]).tags[NOTE] == "ours"


def test_an_experiment_of_an_earlier_version_gets_its_description(context: Context, model: str) -> None:
    number = context.registry.client.create_experiment(model)
    context.tracking.experiment(model)
    assert model in context.registry.client.get_experiment(number).tags[NOTE]


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


def test_runs_that_enter_one_table_at_once_all_say_what_they_worked_on(context: Context, model: str) -> None:
    tracking = context.tracking
    runs = [tracking.open_training(model, f"run {number}", {}).info.run_id for number in range(8)]
    together = Barrier(len(runs))

    def enter(run_id: str) -> None:
        for digest in range(5):
            together.wait(30)
            table = Dataset("a table", str(digest), "local", "{}")
            tracking.log_inputs(run_id, DatasetInput(table, []))

    with ThreadPoolExecutor(len(runs)) as threads:
        list(threads.map(enter, runs))
    assert [len(tracking.get(run_id).inputs.dataset_inputs) for run_id in runs] == [5] * len(runs)
