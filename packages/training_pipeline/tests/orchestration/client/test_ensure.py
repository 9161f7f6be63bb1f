"""`ensure` against a real Airflow and a real MLflow store; the trainings are real and small."""

import contextlib
import re
import signal
import sqlite3
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from mlyard_training_pipeline.orchestration.client.airflow import Airflow

from ..conftest import COMMAND, Stack, write_spec

SOON = 30
"""Seconds for what takes 10 on an idle machine."""


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Airflow:
    return Airflow.from_settings(stack.settings)


@pytest.fixture
def models(stack: Stack) -> Path:
    """An empty folder of specs."""
    for file in (*stack.models.glob("*.toml"), *stack.models.glob("*/*.toml")):
        file.unlink()
    return stack.models


def trainings(stack: Stack, model: str) -> list[str]:
    """The states of a model's training runs in MLflow's store, oldest first."""
    query = (
        "select r.status from runs r join experiments e on e.experiment_id = r.experiment_id "
        "join tags t on t.run_uuid = r.run_uuid and t.key = 'mlyard.kind' and t.value = 'training' where e.name = ? "
        "order by r.start_time"
    )
    with contextlib.closing(sqlite3.connect(stack.folder / "mlflow.db")) as store:
        return [status for (status,) in store.execute(query, (model,))]


def begin_training(stack: Stack, model: str) -> None:
    """Begin a training in MLflow that nobody carries on."""
    # MLflow declares its tables in a way that this SQLAlchemy calls deprecated, once and for all.
    with contextlib.chdir(stack.folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlyard_training_pipeline.tracking.context import Context

        context = Context.from_settings(stack.settings)
        context.tracking.open_training(model, "scheduled__2026-11-24T03:00:00+00:00", {})


def start_ensure(stack: Stack, model: str) -> subprocess.Popen[str]:
    """Start `ensure`, and return when it follows a model's training."""
    process = subprocess.Popen(
        [COMMAND, "ensure"],
        cwd=stack.folder,
        env=stack.environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert any(line.startswith(model) for line in process.stdout)
    return process


def wait_for(condition: Callable[[], bool], *, seconds: float) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.2)
    return time.monotonic() - started


def test_all_specs_are_trained_and_a_second_time_nothing_is_done(stack: Stack, models: Path) -> None:
    write_spec(models, "houses")
    write_spec(models, "flats")
    done = stack.run("ensure")
    assert done.returncode == 0, done.stdout + done.stderr
    for model in ("houses", "flats"):
        lines = [line for line in done.stdout.splitlines() if line.startswith(model)]
        for step in ("extract", "validate", "train ridge", "train mean", "evaluate", "gate", "register", "promote"):
            assert any(step in line and "success" in line and line.endswith(" s") for line in lines), (step, lines)
        assert "gate passed: there is no champion yet" in lines[-1]
    again = stack.run("ensure")
    assert again.returncode == 0
    assert again.stdout == "each of flats, houses has a champion\n"
    begin_training(stack, "houses")
    assert trainings(stack, "houses") == ["FINISHED", "RUNNING"]
    after_a_loss = stack.run("ensure")
    assert after_a_loss.returncode == 0
    assert "houses                  a training that nobody carries on is marked as failed" in after_a_loss.stdout
    assert trainings(stack, "houses") == ["FINISHED", "FAILED"]


def test_a_failing_training_says_why_while_the_others_go_on(stack: Stack, models: Path) -> None:
    write_spec(models, "castles", target="prize")
    write_spec(models, "huts")
    (models / "wrong.toml").write_text('version = 2\ntarget = "price"')
    done = stack.run("ensure")
    (models / "wrong.toml").unlink()
    assert done.returncode == 1
    assert "castles: validate failed: " in done.stderr
    assert "prize" in done.stderr
    assert "wrong.toml: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "gate passed" in done.stdout.splitlines()[-1]
    wait_for(lambda: trainings(stack, "castles") == ["FAILED"], seconds=SOON)


def test_a_gate_that_says_no_is_no_success(stack: Stack, models: Path) -> None:
    write_spec(models, "towers", extra="gate = { minimum = 0.0 }")
    done = stack.run("ensure")
    assert done.returncode == 1
    assert "towers: gate not passed" in done.stderr


def test_a_dropped_spec_shows_up_and_a_removed_one_goes(models: Path, airflow: Airflow) -> None:
    spec = write_spec(models, "sheds")
    wait_for(lambda: airflow.paused("sheds") is False, seconds=SOON)
    spec.unlink()
    wait_for(lambda: airflow.paused("sheds") is None, seconds=SOON)


def test_a_wrong_spec_is_an_import_error_of_its_own(models: Path, airflow: Airflow) -> None:
    write_spec(models, "barns", extra="metrik = 1")
    wait_for(lambda: airflow.import_error("barns/barns.toml.py") is not None, seconds=30)
    assert "metrik: unknown key" in (airflow.import_error("barns/barns.toml.py") or "")


def test_a_spec_of_hundreds_of_thousands_of_keys_keeps_no_other_from_its_dag(models: Path, airflow: Airflow) -> None:
    write_spec(models, "castles", extra="\n".join(f"key_{number} = {number}" for number in range(300_000)))
    write_spec(models, "cabins")
    wait_for(lambda: airflow.paused("cabins") is False, seconds=SOON)
    wait_for(lambda: airflow.import_error("castles/castles.toml.py") is not None, seconds=SOON)
    assert "is larger than 256 KB" in (airflow.import_error("castles/castles.toml.py") or "")


def test_two_specs_of_one_name_are_both_import_errors_and_problems_of_ensure(
    stack: Stack, models: Path, airflow: Airflow
) -> None:
    first = write_spec(models, "mills")
    second = models / "second.toml"
    second.write_text(first.read_text())
    done = stack.run("ensure")
    assert done.returncode == 1
    assert f"{first}: name: mills is also the name of {second}" in done.stderr
    assert f"{second}: name: mills is also the name of {first}" in done.stderr
    wait_for(lambda: airflow.import_error("mills/mills.toml.py") is not None, seconds=SOON)
    wait_for(lambda: airflow.import_error("second.toml.py") is not None, seconds=SOON)


def test_a_table_elsewhere_is_an_import_error_and_a_problem_of_ensure(
    stack: Stack, models: Path, airflow: Airflow
) -> None:
    spec = write_spec(models, "docks")
    spec.write_text(spec.read_text().replace('"table.csv"', '"/etc/passwd"'))
    done = stack.run("ensure")
    assert done.returncode == 1
    assert "docks.toml: source.path: '/etc/passwd' leads to /etc/passwd" in done.stderr
    assert "MLYARD_TRAINING_PIPELINE_SOURCE_FOLDERS" in done.stderr
    wait_for(lambda: airflow.import_error("docks/docks.toml.py") is not None, seconds=SOON)


def test_a_training_whose_spec_is_removed_under_way_is_one_sentence(stack: Stack, models: Path) -> None:
    spec = write_spec(models, "ruins")
    process = start_ensure(stack, "ruins")
    spec.unlink()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.search(
        "ruins: (its DAG has gone: its spec was removed|extract failed: .*ruins.toml.*No such file)", errors
    )


def test_a_paused_dag_stays_paused(stack: Stack, models: Path, airflow: Airflow) -> None:
    write_spec(models, "tents")
    wait_for(lambda: airflow.paused("tents") is False, seconds=30)
    headers = airflow._bearer()
    url = f"{stack.settings.airflow_url}/api/v2/dags/tents"
    assert httpx.patch(url, json={"is_paused": True}, headers=headers).is_success
    done = stack.run("ensure")
    assert done.returncode == 1
    assert "tents: its DAG is paused" in done.stderr
    assert airflow.paused("tents") is True


def test_ctrl_c_leaves_the_run_to_airflow(stack: Stack, models: Path) -> None:
    write_spec(models, "caves")
    process = start_ensure(stack, "caves")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on in Airflow" in errors
    joined = stack.run("ensure")
    assert joined.returncode == 0, joined.stderr
    assert "caves" in joined.stdout


@pytest.mark.parametrize("named", ["127.0.0.1", "10.0.0.0/8,localhost,127.0.0.1,.internal", "*"])
def test_a_proxy_does_not_come_between_where_the_host_is_named(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", named)
    monkeypatch.setenv("no_proxy", named)
    airflow = Airflow.from_settings(stack.settings)
    airflow.warm_up()
    assert airflow.paused("nothing") is None


def test_a_wrong_password_is_one_sentence(stack: Stack, models: Path) -> None:
    write_spec(models, "forts")
    done = stack.run("ensure", MLYARD_TRAINING_PIPELINE_AIRFLOW_PASSWORD="wrong")
    assert done.returncode == 1
    assert "does not know admin by this password" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_airflow_that_never_answers_is_given_up(stack: Stack, models: Path) -> None:
    write_spec(models, "forts")
    done = stack.run("ensure", "--timeout", "5", MLYARD_TRAINING_PIPELINE_AIRFLOW_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "waiting: no answer from Airflow" in done.stdout
    assert "set MLYARD_TRAINING_PIPELINE_AIRFLOW_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_folder_of_specs_is_one_sentence(stack: Stack) -> None:
    done = stack.run("ensure", MLYARD_TRAINING_PIPELINE_MODELS="/nowhere/at/all")
    assert done.returncode == 1
    assert "MLYARD_TRAINING_PIPELINE_MODELS is not a folder: /nowhere/at/all; make it, or set" in done.stderr


def test_a_folder_without_a_spec_is_one_sentence_and_a_code_of_its_own(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text("line-length = 120\n")
    (tmp_path / "too/deep").mkdir(parents=True)
    write_spec(tmp_path / "too/deep", "houses")
    done = stack.run(
        "ensure",
        MLYARD_TRAINING_PIPELINE_MODELS=str(tmp_path),
        MLYARD_TRAINING_PIPELINE_ADDRESSES="Airflow  http://localhost:8080",
    )
    assert done.returncode == 3
    assert f"there is no model spec in {tmp_path}: put one there, in it or one level below" in done.stderr
    assert "MLYARD_MODELS" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "http://localhost:8080" in done.stdout
