"""`ensure` against a real Airflow and a real MLflow store; the trainings are real and small."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from mlyard_training_pipeline.orchestration.client.airflow import Airflow

from ...notifications.receivers import Receiver
from ..conftest import SCHEDULE, Api, Followed, Stack, write_spec

SOON = 120
"""Seconds for what takes 10 on an idle machine."""


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Airflow:
    return Airflow.from_settings(stack.settings)


@pytest.fixture
def models(stack: Stack) -> Path:
    """An empty folder of specs."""
    stack.empty()
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


def wait_for(condition: Callable[[], bool], *, seconds: float) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.2)
    return time.monotonic() - started


def test_ctrl_c_leaves_the_runs_to_airflow(followed: Followed) -> None:
    assert followed.interrupted == 130
    assert "goes on in Airflow" in followed.farewell
    assert "houses                  is being trained already" in followed.joined.stdout


def test_a_spec_is_trained_step_by_step(followed: Followed) -> None:
    done = followed.joined
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("houses")]
    for step in ("extract", "validate", "train ridge", "train mean", "evaluate", "gate", "register", "promote"):
        assert any(step in line and "success" in line and line.endswith(" s") for line in lines), (step, lines)
    assert "gate passed: there is no champion yet" in lines[-1]


def test_a_second_time_nothing_is_done_and_what_a_person_needs_is_shown(followed: Followed, stack: Stack) -> None:
    with Api() as api:
        api.answers = [(200, {"status": "ready", "reasons": []})]
        done = stack.ensure(
            MLYARD_TRAINING_PIPELINE_ADDRESSES="Airflow  http://localhost:8080",
            MLYARD_TRAINING_PIPELINE_MODEL_API_URL=api.url,
            MLYARD_TRAINING_PIPELINE_MODEL_API_KEY_COMMAND="echo k-e-y",
        )
        assert done.returncode == 0, done.stderr
        nothing, _, addresses, _, title, _, command, _, last = done.stdout.splitlines()
        assert nothing == "each of houses has a champion"
        assert addresses == "Airflow  http://localhost:8080"
        assert title == "A prediction:"
        assert last == f"The model API is ready: {api.url}"
        if shutil.which("curl") is None:
            pytest.skip("needs curl")
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    path, key, body = api.posted[-1]
    assert (path, key) == ("/models/houses/predict", "Bearer k-e-y")
    (row,) = json.loads(body)["rows"]
    assert set(row) == {"rooms"}
    assert isinstance(row["rooms"], int)


def test_a_training_that_nobody_carries_on_is_marked_as_failed(followed: Followed, stack: Stack) -> None:
    begin_training(stack, "houses")
    assert trainings(stack, "houses") == ["FINISHED", "RUNNING"]
    done = stack.ensure()
    assert done.returncode == 0
    assert "houses                  a training that nobody carries on is marked as failed" in done.stdout
    assert trainings(stack, "houses") == ["FINISHED", "FAILED"]


@pytest.mark.long
def test_trainings_that_fail_say_why_while_the_others_go_on(stack: Stack, models: Path, told: Receiver) -> None:
    told.failures = 1
    write_spec(models, "castles", target="prize")
    write_spec(models, "towers", extra="gate = { minimum = 0.0 }")
    (models / "wrong.toml").write_text('version = 2\ntarget = "price"')
    done = stack.ensure()
    assert done.returncode == 1
    assert "castles: validate failed: " in done.stderr
    assert "prize" in done.stderr
    assert "wrong.toml: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "towers: gate not passed" in done.stderr
    wait_for(lambda: trainings(stack, "castles") == ["FAILED"], seconds=SOON)

    def heard(model: str) -> list[str]:
        contents = [delivery.content for delivery in told.taken]
        return [content["type"] for content in contents if content["data"]["model"] == model]

    wait_for(lambda: heard("castles") != [], seconds=SOON)
    time.sleep(1)
    assert heard("castles") == ["training.failed"]
    assert heard("towers") == ["gate.held"]


@pytest.fixture(scope="module")
def refused(stack: Stack) -> str:
    """What `ensure` says of specs that all are wrong."""
    stack.empty()
    write_spec(stack.models, "barns", extra="metrik = 1")
    write_spec(stack.models, "castles", extra="\n".join(f"key_{number} = {number}" for number in range(300_000)))
    mills = write_spec(stack.models, "mills")
    (stack.models / "second.toml").write_text(mills.read_text())
    docks = write_spec(stack.models, "docks")
    docks.write_text(docks.read_text().replace('"table.csv"', '"/etc/passwd"'))
    done = stack.ensure()
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param("barns/barns.toml", "metrik: unknown key", id="unknown key"),
        pytest.param("castles/castles.toml", "is larger than 256 KB", id="hundreds of thousands of keys"),
        pytest.param("mills/mills.toml", "name: mills is also the name of {models}/second.toml", id="name"),
        pytest.param("second.toml", "name: mills is also the name of {models}/mills/mills.toml", id="the same name"),
        pytest.param("docks/docks.toml", "source.path: '/etc/passwd' leads to /etc/passwd", id="table elsewhere"),
    ],
)
def test_a_wrong_spec_is_an_import_error_of_its_own_and_a_problem_of_ensure(
    refused: str, stack: Stack, airflow: Airflow, spec: str, sentence: str
) -> None:
    sentence = sentence.format(models=stack.models)
    assert f"{stack.models / spec}: {sentence}" in refused
    wait_for(lambda: airflow.import_error(f"{spec}.py") is not None, seconds=SOON)
    assert sentence in (airflow.import_error(f"{spec}.py") or "")


def test_a_table_elsewhere_names_the_way_out(refused: str) -> None:
    assert "MLYARD_TRAINING_PIPELINE_SOURCE_FOLDERS" in refused


def test_a_spec_dropped_beside_wrong_ones_shows_up_and_when_removed_it_goes(
    refused: str, stack: Stack, airflow: Airflow
) -> None:
    spec = write_spec(stack.models, "sheds", extra=SCHEDULE)
    wait_for(lambda: airflow.paused("sheds") is False, seconds=SOON)
    spec.unlink()
    wait_for(lambda: airflow.paused("sheds") is None, seconds=SOON)


@pytest.mark.long
def test_a_training_whose_spec_is_removed_under_way_is_one_sentence(stack: Stack, models: Path) -> None:
    spec = write_spec(models, "ruins")
    process = stack.follow("ruins")
    spec.unlink()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert re.search(
        "ruins: (its DAG has gone: its spec was removed|extract failed: .*ruins.toml.*[Nn]o such file)", errors
    )


def test_a_paused_dag_stays_paused(stack: Stack, models: Path, airflow: Airflow) -> None:
    write_spec(models, "tents", extra=SCHEDULE)
    wait_for(lambda: airflow.paused("tents") is False, seconds=SOON)
    headers = airflow._bearer()
    url = f"{stack.settings.airflow_url}/api/v2/dags/tents"
    assert httpx.patch(url, json={"is_paused": True}, headers=headers).is_success
    done = stack.ensure()
    assert done.returncode == 1
    assert "tents: its DAG is paused" in done.stderr
    assert airflow.paused("tents") is True


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


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """A folder with a spec that Airflow does not see, and so does not train."""
    write_spec(tmp_path, "forts")
    return str(tmp_path)


def test_a_wrong_password_is_one_sentence(stack: Stack, elsewhere: str) -> None:
    done = stack.ensure(MLYARD_TRAINING_PIPELINE_AIRFLOW_PASSWORD="wrong", MLYARD_TRAINING_PIPELINE_MODELS=elsewhere)
    assert done.returncode == 1
    assert "does not know admin by this password" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_airflow_that_never_answers_is_given_up(stack: Stack, elsewhere: str) -> None:
    nobody = {"MLYARD_TRAINING_PIPELINE_AIRFLOW_URL": "http://127.0.0.1:9"}
    done = stack.ensure("--timeout", "2", MLYARD_TRAINING_PIPELINE_MODELS=elsewhere, **nobody)
    assert done.returncode == 1
    assert "waiting: no answer from Airflow" in done.stdout
    assert "set MLYARD_TRAINING_PIPELINE_AIRFLOW_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_folder_of_specs_is_one_sentence(stack: Stack) -> None:
    done = stack.ensure(MLYARD_TRAINING_PIPELINE_MODELS="/nowhere/at/all")
    assert done.returncode == 1
    assert "MLYARD_TRAINING_PIPELINE_MODELS is not a folder: /nowhere/at/all; make it, or set" in done.stderr


def test_a_folder_without_a_spec_is_one_sentence_and_a_code_of_its_own(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text("line-length = 120\n")
    (tmp_path / "too/deep").mkdir(parents=True)
    write_spec(tmp_path / "too/deep", "houses")
    done = stack.ensure(
        MLYARD_TRAINING_PIPELINE_MODELS=str(tmp_path),
        MLYARD_TRAINING_PIPELINE_ADDRESSES="Airflow  http://localhost:8080",
    )
    assert done.returncode == 3
    assert f"there is no model spec in {tmp_path}: put one there, in it or one level below" in done.stderr
    assert "MLYARD_MODELS" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "http://localhost:8080" in done.stdout


@pytest.mark.long  # trains as the others do; it is the end-to-end test that shows all of it without containers
def test_without_containers_on_sqlite_it_trains_too(tmp_path: Path) -> None:
    alone = Stack(tmp_path)
    write_spec(alone.models, "houses")
    try:
        alone.start("api-server", "scheduler", "dag-processor")
        done = alone.ensure()
    finally:
        alone.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gate passed: there is no champion yet" in done.stdout
