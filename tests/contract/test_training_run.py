"""What the pipeline leaves on a real MLflow server, by the command that people use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlyard_shared.manifest import ONNX_FILE, verify_folder
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.registry import Registry, history

EXAMPLES = Path(__file__).parents[2] / "examples"


def pipeline(uri: str, state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mlyard-training-pipeline")), *arguments]
    variables = {"REGISTRY_URI": uri, "STATE": str(state), "SNAPSHOT_RETENTION": "1"}
    environment = {**os.environ, **{f"MLYARD_TRAINING_PIPELINE_{name}": value for name, value in variables.items()}}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def write_example(folder: Path, name: str, rows: slice) -> Path:
    """The penguins under another name, with some of the rows."""
    source = EXAMPLES / "penguins"
    spec = (source / "penguins.toml").read_text().replace('name = "penguins"', f'name = "{name}"', 1)
    header, *lines = (source / "penguins.csv").read_text().splitlines()
    (folder / "penguins.csv").write_text("\n".join([header, *lines[rows]]) + "\n")
    file = folder / "spec.toml"
    file.write_text(spec)
    return file


def test_a_trained_example_is_registered_promoted_and_kept_from_losing_its_snapshot(
    registry: Registry, tmp_path: Path
) -> None:
    first = pipeline(registry.uri, tmp_path, "run", str(write_example(tmp_path, "trained", slice(None))))
    assert first.returncode == 0, first.stderr
    assert "gate passed: there is no champion yet" in first.stdout
    second = pipeline(registry.uri, tmp_path, "run", str(write_example(tmp_path, "trained", slice(3, None))))
    assert second.returncode == 0, second.stderr
    champion = registry.find("trained", "champion")
    assert champion is not None
    (tmp_path / "version").mkdir()
    registry.download(champion, tmp_path / "version")
    manifest = verify_folder(tmp_path / "version", manifest_digest=champion.manifest_sha256)
    load_pipeline(tmp_path / "version/model.skops")
    assert ONNX_FILE in manifest.files
    run = registry.client.get_run(manifest.snapshot.run_id)
    assert [artifact.path for artifact in registry.client.list_artifacts(run.info.run_id)] == ["snapshot.parquet"]


def test_a_move_by_hand_is_in_the_history_and_can_be_taken_back(registry: Registry, tmp_path: Path) -> None:
    file = write_example(tmp_path, "moved", slice(None))
    for _ in range(2):
        assert pipeline(registry.uri, tmp_path, "run", str(file)).returncode == 0
    promoted = pipeline(registry.uri, tmp_path, "promote", "moved", "2", "--reason", "a try")
    assert promoted.stdout == "version 2 of moved is the champion, instead of version 1\n"
    back = pipeline(registry.uri, tmp_path, "rollback", "moved", "--reason", "it was worse")
    assert back.stdout == "version 1 of moved is the champion again, instead of version 2\n"
    assert [move.kind for move in history(registry, "moved")] == ["promotion", "promotion", "rollback"]
    lines = pipeline(registry.uri, tmp_path, "history", "moved").stdout.splitlines()
    assert [line.split("\t")[6] for line in lines][1:] == ["a try", "it was worse"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["promote", "absent", "1", "--reason", "x"], "model 'absent' has no version 1", id="no version"),
        pytest.param(["rollback", "absent", "--reason", "x"], "model 'absent' has no champion", id="no champion"),
    ],
)
def test_a_move_that_cannot_be_made_is_one_sentence(
    registry: Registry, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    result = pipeline(registry.uri, tmp_path, *arguments)
    assert result.returncode == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
