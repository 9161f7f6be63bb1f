"""Trainings by the command that are stopped, lose their registry, or run twice at once, with a real server."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlyard_shared.registry import Registry
from mlyard_shared.registry.experiments import find_experiment

from .commands import Training
from .passage import Passage

SPEC = """
version = 1
name = "{name}"
task = "regression"
target = "y"
metric = "rmse"
key = ["id"]
folds = 3
[source]
path = "table.csv"
[[candidates]]
name = "one"
{candidate}
"""
QUICK = 'estimator = "sklearn.linear_model.Ridge"'


def slow(*, trees: int) -> str:
    """A candidate that takes about a minute for each 2 000 trees."""
    return f'estimator = "sklearn.ensemble.RandomForestRegressor"\nparameters = {{ n_estimators = {trees} }}'


def write_spec(folder: Path, name: str, candidate: str) -> Path:
    """A spec with a table of 500 rows."""
    rows = [f"{i},{i % 17},{i % 29},{(i % 17) * 3 + (i * i) % 7}" for i in range(500)]
    (folder / "table.csv").write_text("\n".join(["id,a,b,y", *rows]) + "\n")
    file = folder / f"{name}.toml"
    file.write_text(SPEC.format(name=name, candidate=candidate))
    return file


@contextmanager
def started(uri: str, state: Path, file: Path) -> Iterator[Training]:
    process = Training(uri, state, file)
    try:
        yield process
    finally:
        process.kill()


def wait_for(process: Training, step: str) -> None:
    """Wait until a training says that a step of it is done."""
    while not any(line.startswith(step) for line in process.said().splitlines()):
        assert process.returncode is None, process.communicate()
        time.sleep(0.05)


def statuses(registry: Registry, name: str, kind: str) -> list[str]:
    """Of a model's runs of a kind, oldest first."""
    experiment = find_experiment(registry.client, name, uri=registry.uri)
    assert experiment is not None
    runs = registry.client.search_runs([experiment], f"tags.`mlyard.kind` = '{kind}'")
    return [run.info.status for run in sorted(runs, key=lambda run: run.info.start_time)]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_training_that_is_stopped_is_one_sentence_and_a_failed_run(
    registry: Registry, tmp_path: Path, stop: signal.Signals
) -> None:
    name = f"stopped-{stop.name.lower()}"
    with started(registry.uri, tmp_path, write_spec(tmp_path, name, slow(trees=20_000))) as process:
        wait_for(process, "validate")
        time.sleep(1)
        process.send_signal(stop)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told == (
        f"mlyard-training-pipeline: stopped: this training of {name} counts as failed, "
        "and its champion has not changed\n"
    )
    assert statuses(registry, name, "training") == ["FAILED"]
    assert set(statuses(registry, name, "candidate")) <= {"FAILED"}


def test_a_run_that_lost_its_registry_is_ended_by_the_next_training(passage: Passage, tmp_path: Path) -> None:
    registry = Registry(passage.uri)
    with started(passage.uri, tmp_path, write_spec(tmp_path, "lost", slow(trees=100))) as process:
        wait_for(process, "validate")
        passage.close()
        printed, told = process.communicate(timeout=200)
    assert process.returncode == 1
    assert told.startswith(f"mlyard-training-pipeline: no answer from the registry at {passage.uri}: ")
    assert told.count("\n") == 1
    assert "this training of lost counts as failed; the next one marks its run so" in printed
    passage.open()
    assert statuses(registry, "lost", "training") == ["RUNNING"]
    with started(passage.uri, tmp_path, write_spec(tmp_path, "lost", QUICK)) as process:
        _, told = process.communicate(timeout=200)
        assert process.returncode == 0, told
    assert statuses(registry, "lost", "training") == ["FAILED", "FINISHED"]
    assert "RUNNING" not in statuses(registry, "lost", "candidate")


def test_two_trainings_at_once_both_end_and_leave_one_champion(registry: Registry, tmp_path: Path) -> None:
    file = write_spec(tmp_path, "twice", QUICK)
    with started(registry.uri, tmp_path, file) as one, started(registry.uri, tmp_path, file) as other:
        told = [process.communicate(timeout=300)[1] for process in (one, other)]
    for process, error in zip((one, other), told, strict=True):
        # Whoever was overtaken says so in one sentence.
        assert process.returncode == 0 or "has become the champion since" in error or "overtook" in error, error
        assert error.count("\n") <= 1
    assert 0 in {one.returncode, other.returncode}
    champion = registry.find("twice", "champion")
    assert champion is not None
    assert set(statuses(registry, "twice", "training")) <= {"FINISHED", "FAILED"}
    assert statuses(registry, "twice.snapshots", "snapshot").count("FINISHED") >= 1
