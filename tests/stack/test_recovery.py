"""Every container's main process is killed in turn, while a model trains and a client predicts."""

import hashlib
import os
import signal
import time
from typing import Any

import pytest
from steady_client import Answer, SteadyClient
from waiting import wait_until

from .airflow import Airflow
from .conftest import Figures
from .docker import inspect
from .registry import Mlflow
from .stack import LASTING, Stack

pytestmark = pytest.mark.full

HEAL_SECONDS = 60
RUN_SECONDS = 240


def kill_main_process(stack: Stack, service: str) -> None:
    """SIGKILL from outside: `docker kill` would count as wanted, and no restart policy would act."""
    os.kill(inspect(stack.containers()[service])["State"]["Pid"], signal.SIGKILL)


def wrong(answers: list[Answer], expected: dict[int, Any]) -> list[Answer]:
    """The answers that are not what their version says for the rows."""
    return [a for a in answers if a.status == 200 and a.outputs != expected.setdefault(a.version, a.outputs)]


@pytest.mark.parametrize("service", LASTING)
def test_the_stack_heals_itself(
    trained: Stack, airflow: Airflow, mlflow: Mlflow, figures: Figures, service: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may kill a container's process from outside")
    restarts = inspect(trained.containers()[service])["RestartCount"]
    run = airflow.start("penguins")
    wait_until(
        lambda: any(task["state"] == "running" for task in airflow.tasks("penguins", run)),
        seconds=60,
        what="a task running",
    )
    client = SteadyClient(
        f"{trained.api}/models/penguins/predict", key=trained.login.api, rows=[trained.example()], rate=20
    )
    client.start()
    time.sleep(1)
    killed = time.monotonic()
    kill_main_process(trained, service)
    wait_until(lambda: inspect(trained.containers()[service])["RestartCount"] > restarts, seconds=30, what="a restart")
    healed = wait_until(lambda: trained.is_healthy(*LASTING), seconds=HEAL_SECONDS, what="all healthy again")
    healed = time.monotonic() - killed
    api_back = time.monotonic()
    ended = wait_until(
        lambda: airflow.runs("penguins")[run] in ("success", "failed"), seconds=RUN_SECONDS, what="the end of the run"
    )
    answers = client.stop()
    state = airflow.runs("penguins")[run]
    retried = sorted({task["task_id"] for task in airflow.tasks("penguins", run) if task["try_number"] > 1})
    failed = [a for a in answers if a.status != 200 and not (service == "model-api" and a.sent < api_back)]
    figures.note(
        f"SIGKILL {service}: healthy after {healed:.0f} s, run {state} {ended:.0f} s later"
        f" (retried: {', '.join(retried) or 'nothing'}), {len(answers)} predictions, {len(failed)} failed"
    )
    assert state == "success"
    assert not failed, failed[:3]
    assert not wrong(answers, {})
    assert healed < HEAL_SECONDS
    assert_no_version_is_half_there(trained, mlflow)


def assert_no_version_is_half_there(stack: Stack, mlflow: Mlflow) -> None:
    """Each version is ready, is the only one of its run, and its manifest is the one that was registered."""
    versions = mlflow.versions("penguins")
    assert len({version["run_id"] for version in versions}) == len(versions)
    for version in versions:
        assert version["status"] == "READY"
        tags = {tag["key"]: tag["value"] for tag in version["tags"]}
        manifest = manifest_of(mlflow, version)
        assert hashlib.sha256(manifest).hexdigest() == tags["mlyard.manifest_sha256"], version["version"]
    served = stack.predict().json()["version"]
    wait_until(
        lambda: stack.predict().json()["version"] == mlflow.champion("penguins"), seconds=20, what=f"not {served}"
    )


def manifest_of(mlflow: Mlflow, version: dict[str, Any]) -> bytes:
    """A version's `mlyard.json`, from the artifact store."""
    found = mlflow.get("mlflow/model-versions/get-download-uri", name=version["name"], version=version["version"])
    path = found["artifact_uri"].removeprefix("mlflow-artifacts:/")
    return mlflow.request("GET", f"mlflow-artifacts/artifacts/{path}/mlyard.json").content
