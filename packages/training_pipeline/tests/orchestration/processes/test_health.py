"""`check PROCESS` against the real processes, and what it costs to import."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlyard_training_pipeline.orchestration.processes import health
from mlyard_training_pipeline.orchestration.processes.health import CHECKS, PREFIX, Unhealthy, _age, check

from ...clusters import Cluster
from ...volumes import fill, mounted
from ..conftest import Stack, free_port


def database(folder: Path, job: str, *, age: float) -> dict[str, str]:
    """An environment whose database has one heartbeat of this age in seconds."""
    file = folder / "airflow.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE job (id INTEGER, job_type TEXT, state TEXT, latest_heartbeat TIMESTAMP)")
        last = (datetime.now(UTC) - timedelta(seconds=age)).replace(tzinfo=None).isoformat(sep=" ")
        connection.execute("INSERT INTO job VALUES (1, ?, 'running', ?)", (job, last))
    connection.close()
    return {f"{PREFIX}DATABASE_URI": f"sqlite:///{file}"}


@pytest.mark.parametrize(
    ("server", "process"),
    [
        pytest.param("simple", "api-server", marks=pytest.mark.long),
        pytest.param("simple", "triggerer", marks=pytest.mark.long),
        ("fab", "api-server"),
        ("fab", "scheduler"),
        ("fab", "dag-processor"),
    ],
    indirect=["server"],
)
def test_a_running_process_is_healthy(server: Stack, process: str) -> None:
    deadline = time.monotonic() + 60
    while (done := server.run("check", process)).returncode:
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.5)


def test_with_a_frozen_database_nothing_is_healthy(stack: Stack, postgresql_cluster: Cluster) -> None:
    sentences = {
        "api-server": "has not answered for 4 s: see whether its database does",
        "scheduler": "database does not answer (no answer for 4 s)",
        "dag-processor": "database does not answer (no answer for 4 s)",
    }
    assert stack.run("check", "api-server").returncode == 0
    with postgresql_cluster.frozen(), ThreadPoolExecutor() as pool:
        started = time.monotonic()
        checks = pool.map(lambda process: stack.run("check", process), sentences)
        found = dict(zip(sentences, checks, strict=True))
        assert time.monotonic() - started < 8
    for process, done in found.items():
        assert done.returncode == 1
        assert sentences[process] in done.stderr
    assert stack.run("check", "api-server").returncode == 0


def test_a_database_that_freezes_when_it_has_been_reached_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, postgresql: str
) -> None:
    monkeypatch.setattr(health, "HEARTBEAT", "SELECT pg_sleep(60)")
    monkeypatch.setattr(health, "SECONDS", 0.5)
    with pytest.raises(Unhealthy, match=r"does not answer \(no answer for 0\.5 s\)"):
        check("scheduler", {f"{PREFIX}DATABASE_URI": f"{postgresql}/postgres"})


@pytest.mark.parametrize("process", CHECKS)
def test_a_process_that_does_not_run_is_one_sentence(tmp_path: Path, process: str) -> None:
    environment = {f"{PREFIX}PORT": str(free_port()), f"{PREFIX}STATE": str(tmp_path)}
    command = [sys.executable, "-m", "mlyard_training_pipeline", "check", process]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("mlyard-training-pipeline: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("process", "job"),
    [("scheduler", "SchedulerJob"), ("dag-processor", "DagProcessorJob"), ("triggerer", "TriggererJob")],
)
def test_a_heartbeat_counts_for_half_a_minute(tmp_path: Path, process: str, job: str) -> None:
    assert "10 s ago" in check(process, database(tmp_path, job, age=10))
    (tmp_path / "airflow.db").unlink()
    with pytest.raises(Unhealthy, match=f"no heartbeat of a {job}"):
        check(process, database(tmp_path, job, age=40))


def test_with_a_full_disk_of_the_state_no_task_can_begin(tmp_path: Path) -> None:
    environment = database(tmp_path, "SchedulerJob", age=1)
    with mounted(tmp_path / "state", size="2m") as volume:
        environment[f"{PREFIX}STATE"] = str(volume)
        assert "s ago" in check("scheduler", environment)
        with contextlib.suppress(OSError):
            fill(volume / "ballast")
        with pytest.raises(
            Unhealthy, match=r"state \(its disk is full\): free space there, or set MLYARD_TRAINING_PIPEL"
        ):
            check("scheduler", environment)


def test_the_heartbeat_of_another_process_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(Unhealthy):
        check("dag-processor", database(tmp_path, "SchedulerJob", age=1))


def test_in_a_container_a_heartbeat_from_before_the_start_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlyard_training_pipeline.orchestration.processes.health._first_process", lambda: "scheduler")
    monkeypatch.setattr("mlyard_training_pipeline.orchestration.processes.health._age", lambda: 8.0)
    with pytest.raises(Unhealthy, match="for 8 s"):
        check(None, database(tmp_path, "SchedulerJob", age=10))


def test_the_age_of_the_first_process_is_that_of_the_machine_or_less() -> None:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert 0 < _age() <= uptime


def test_outside_of_a_container_the_first_process_is_another() -> None:
    assert "the first process here is not one of Airflow's" in check(None, {})


def test_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['mlyard-training-pipeline', 'check', 'api-server'];"
        "from mlyard_training_pipeline.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'click', 'pydantic', 'airflow', 'sqlalchemy', 'http', 'email'} & set(sys.modules)))"
    )
    environment = {**os.environ, f"{PREFIX}PORT": str(free_port())}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
