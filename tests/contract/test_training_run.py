"""What the pipeline leaves on a real MLflow server, by the command that people use."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.manifest import ONNX_FILE
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.registry import Registry, history
from mlyard_training_pipeline.cli import main

from .commands import Trained, run, variables, write_penguins

WORSE = """
[[candidates]]
name = "most-frequent"
estimator = "sklearn.dummy.DummyClassifier"
"""
Pipeline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pipeline(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Pipeline:
    """Call the command in this process; return its exit code, and what it says and complains of."""

    def call(*arguments: str) -> tuple[int, str, str]:
        for name, value in variables(registry.uri, tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["mlyard-training-pipeline", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said, complained = capsys.readouterr()
        return int(ended.value.code or 0), said, complained

    return call


@pytest.fixture(scope="module")
def again(registry: Registry, penguins: Trained) -> str:
    """What the second training says, which has other rows and is worse."""
    folder = penguins.files.parent
    return run(registry.uri, folder, write_penguins(folder, penguins.name, candidates=WORSE, leave_out=3))


def test_a_trained_example_is_registered_promoted_and_kept_from_losing_its_snapshot(
    registry: Registry, penguins: Trained, again: str
) -> None:
    assert "gate passed: there is no champion yet" in penguins.printed
    assert "gate not passed" in again
    load_pipeline(penguins.files / "model.skops")
    assert ONNX_FILE in penguins.manifest.files
    run = registry.client.get_run(penguins.manifest.snapshot.run_id)
    assert [artifact.path for artifact in registry.client.list_artifacts(run.info.run_id)] == ["snapshot.parquet"]


def test_a_move_by_hand_is_in_the_history_and_can_be_taken_back(
    registry: Registry, penguins: Trained, again: str, pipeline: Pipeline
) -> None:
    name = penguins.name
    _, promoted, _ = pipeline("promote", name, "2", "--reason", "a try")
    assert promoted == f"version 2 of {name} is the champion, instead of version 1\n"
    _, back, _ = pipeline("rollback", name, "--reason", "it was worse")
    assert back == f"version 1 of {name} is the champion again, instead of version 2\n"
    assert [move.kind for move in history(registry, name)] == ["promotion", "promotion", "rollback"]
    _, told, _ = pipeline("history", name)
    assert [line.split("\t")[6] for line in told.splitlines()][1:] == ["a try", "it was worse"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["promote", "absent", "1", "--reason", "x"], "model 'absent' has no version 1", id="no version"),
        pytest.param(["rollback", "absent", "--reason", "x"], "model 'absent' has no champion", id="no champion"),
    ],
)
def test_a_move_that_cannot_be_made_is_one_sentence(pipeline: Pipeline, arguments: list[str], sentence: str) -> None:
    code, _, complained = pipeline(*arguments)
    assert code == 1
    assert sentence in complained
    assert complained.count("\n") == 1
