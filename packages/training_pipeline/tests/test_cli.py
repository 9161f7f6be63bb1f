import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.cli import cli, main
from mlyard_training_pipeline.settings import PREFIX


def test_validate_prints_what_it_understood_without_a_registry(examples: Path) -> None:
    result = CliRunner().invoke(cli, ["validate", str(examples / "penguins/penguins.toml")], catch_exceptions=False)
    assert result.exit_code == 0
    assert "penguins: classification of species (Adelie, Chinstrap, Gentoo)" in result.output
    assert "not seen by the model: id, year" in result.output
    assert "candidate random-forest: sklearn.ensemble.RandomForestClassifier, 2 settings, 5 folds" in result.output


@pytest.mark.parametrize("command", ["promote penguins 1", "rollback penguins"])
def test_a_move_needs_a_reason(command: str) -> None:
    result = CliRunner().invoke(cli, command.split())
    assert result.exit_code == 2
    assert "Missing option '--reason'" in result.output


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        pytest.param(["validate", "absent.toml"], "absent.toml: cannot be read", id="no spec"),
        pytest.param(
            ["validate", "ruff.toml"], "ruff.toml: is not a model spec, which has the keys", id="another file"
        ),
        pytest.param(["run", "ruff.toml"], "ruff.toml: is not a model spec, which has the keys", id="run another file"),
        pytest.param(
            ["run", "daily.toml"], 'daily.toml: schedule: "daily" is not a schedule', id="run, never followed"
        ),
        pytest.param(["history", "penguins"], "no answer from the registry at http://127.0.0.1:9", id="no registry"),
        pytest.param(["promote", "penguins", "1", "--reason", " "], "--reason is empty", id="empty reason"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_1(
    command: list[str],
    sentence: str,
    tmp_path: Path,
    written: Callable[..., Path],
    spec: Callable[..., ModelSpec],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ruff.toml").write_text("line-length = 120\n")
    written(tmp_path, spec(name="daily", schedule="daily"))
    monkeypatch.setenv(f"{PREFIX}REGISTRY_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "argv", ["mlyard-training-pipeline", *command])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(MemoryError(), "there is not enough memory for this training", id="memory"),
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device", "/tmp/t"),
            "cannot write into /tmp/t (its disk is full)",
            id="disk",
        ),
    ],
)
def test_what_the_machine_lacks_is_one_sentence(
    error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("mlyard_training_pipeline.training.run", fail)
    monkeypatch.setattr(sys, "argv", ["mlyard-training-pipeline", "run", "spec.toml"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert sentence in capsys.readouterr().err


def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mlyard_training_pipeline.training.run", fail)
    monkeypatch.setattr(sys, "argv", ["mlyard-training-pipeline", "run", "spec.toml"])
    with pytest.raises(ZeroDivisionError):
        main()


def test_help_and_validate_import_neither_airflow_nor_mlflow(examples: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from mlyard_training_pipeline.cli import cli; "
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0; "
        "assert not {'airflow', 'mlflow', 'sklearn', 'pyarrow'} & set(sys.modules); "
        f"assert CliRunner().invoke(cli, ['validate', {str(examples / 'penguins/penguins.toml')!r}]).exit_code == 0; "
        "assert not {'airflow', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
