import json
import socket
from pathlib import Path

import pytest
from mlyard_training_pipeline.orchestration.errors import CannotStart, DatabaseError
from mlyard_training_pipeline.orchestration.processes import home, launch
from mlyard_training_pipeline.settings import Settings

from ..conftest import Stack, make_settings


def test_the_password_file_is_for_its_owner_alone(settings: Settings) -> None:
    home.prepare(settings)
    home.write_passwords(settings)
    file = settings.airflow_home / "passwords.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {"admin": settings.secret("airflow_password")}


def test_a_new_password_replaces_the_old_one(settings: Settings, tmp_path: Path) -> None:
    home.prepare(settings)
    home.write_passwords(settings)
    home.write_passwords(make_settings(tmp_path, airflow_user="eve"))
    assert list(json.loads((settings.airflow_home / "passwords.json").read_text())) == ["eve"]


def test_an_unwritable_state_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="set MLYARD_TRAINING_PIPELINE_STATE"):
        home.prepare(make_settings(tmp_path, state=tmp_path / "file"))


def test_without_airflow_the_extra_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "find_spec", lambda name: None)
    with pytest.raises(CannotStart, match=r"pip install 'mlyard-training-pipeline\[airflow\]'"):
        home.prepare(settings)


def test_a_worker_of_celery_without_celery_names_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To look for it imports Airflow, which other tests import once and by their own settings (`airflow_here`).
    monkeypatch.setattr(launch, "find_spec", lambda _: None)
    with pytest.raises(CannotStart, match=r"pip install 'apache-airflow-providers-celery'"):
        launch.become("celery-worker", settings)


def test_a_worker_that_gets_no_task_says_what_to_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: name)
    with pytest.raises(CannotStart, match=r"not to Celery but to .*LocalExecutor: set AIRFLOW__CORE__EXECUTOR=Celery"):
        launch.become("celery-worker", settings)


def test_another_executor_is_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    assert home.prepare(settings)["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_a_process_on_an_empty_database_asks_for_init(settings: Settings) -> None:
    with pytest.raises(DatabaseError, match="run `mlyard-training-pipeline airflow init` first"):
        launch.become("scheduler", settings)


def test_a_taken_port_is_one_sentence_and_no_traceback(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = stack.run("airflow", "api-server", MLYARD_TRAINING_PIPELINE_PORT=str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
