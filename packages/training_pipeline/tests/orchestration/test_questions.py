"""`trigger`, `status`, `runs` and `logs` against a real Airflow."""

import io
import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest
from mlyard_training_pipeline.orchestration.client.airflow import WAITING, Airflow, Task
from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.client.shown import log_line
from rich.console import Console

from .. import forks
from ..notifications.receivers import Receiver
from .conftest import COMMAND, SCHEDULE, Followed, Stack, free_port, write_spec


def ask(stack: Stack, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return forks.run(arguments, folder=stack.folder, environment=stack.environment(**changes), timeout=240)


def answer(stack: Stack, *arguments: str) -> Any:
    done = ask(stack, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def wait_for_dags(stack: Stack, *models: str) -> None:
    airflow = Airflow.from_settings(stack.settings)
    wait_for(lambda: None not in [airflow.paused(model) for model in models])


@pytest.fixture(scope="module")
def failed(followed: Followed, stack: Stack) -> subprocess.CompletedProcess[str]:
    """A training of `castles` that a person started and that fails, beside `houses` and a spec that is wrong."""
    stack.empty()
    write_spec(stack.models, "houses", extra=SCHEDULE)
    write_spec(stack.models, "castles", target="prize", extra=SCHEDULE)
    ruins = write_spec(stack.models, "ruins", extra=SCHEDULE)
    ruins.write_text(ruins.read_text().replace("metric", "metrics", 1))
    wait_for_dags(stack, "houses", "castles")
    airflow = Airflow.from_settings(stack.settings)
    wait_for(lambda: airflow.import_error("ruins/ruins.toml.py") is not None)
    return ask(stack, "trigger", "castles", "--wait")


def test_a_run_is_followed_to_the_step_that_fails(failed: subprocess.CompletedProcess[str], told: Receiver) -> None:
    assert failed.returncode == 1, failed.stdout
    assert failed.stdout.startswith("run manual__")
    assert any("extract" in line and "success" in line for line in failed.stdout.splitlines())
    assert "castles: validate failed: " in failed.stderr
    assert "prize" in failed.stderr
    assert "Traceback" not in failed.stderr

    def heard() -> set[str]:
        contents = [delivery.content for delivery in told.taken]
        return {content["type"] for content in contents if content["data"]["model"] == "castles"}

    wait_for(lambda: heard() != set())
    assert heard() == {"training.failed"}


@pytest.mark.usefixtures("failed")
def test_status_tells_the_last_run_the_champion_the_next_run_and_wrong_specs(stack: Stack) -> None:
    lines = ask(stack, "status").stdout.splitlines()
    name, state, _, champion, next_run = next(line for line in lines if line.startswith("houses\t")).split("\t")
    assert (name, state) == ("houses", "success")
    assert champion.startswith("version 1, rmse ")
    assert next_run.endswith("-01-01 03:00:00Z")
    assert any("ruins.toml" in line and "metrics" in line for line in lines)
    known = {model["name"]: model for model in answer(stack, "status")["models"]}
    assert known["houses"]["champion"]["metric"] == "rmse"
    assert known["houses"]["last_run"]["state"] == "success"


@pytest.mark.usefixtures("failed")
def test_without_the_registry_the_rest_is_told(stack: Stack) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    done = ask(stack, "status", "houses", MLYARD_TRAINING_PIPELINE_REGISTRY_URI=away)
    first, reason = done.stdout.splitlines()
    assert first.split("\t")[3] == "unknown"
    assert reason.startswith("champions are unknown: ")
    assert away in reason


@pytest.mark.usefixtures("failed")
def test_runs_are_listed_newest_first(stack: Stack) -> None:
    rows = [line.split("\t") for line in ask(stack, "runs", "houses").stdout.splitlines()]
    assert [(row[0], row[2], row[5]) for row in rows] == [("houses", "success", "scheduled")]
    newest, *_ = (line.split("\t") for line in ask(stack, "runs").stdout.splitlines())
    assert (newest[0], newest[2], newest[5]) == ("castles", "failed", "manual")
    assert len(answer(stack, "runs", "--limit", "1")["runs"]) == 1


@pytest.mark.usefixtures("failed")
def test_logs_of_a_run_of_a_task_and_of_a_candidate(stack: Stack) -> None:
    whole = ask(stack, "logs", "houses").stdout
    assert whole.index("--- extract, attempt 1: success") < whole.index("--- train ridge") < whole.index("--- gate")
    assert "::group" not in whole
    first = answer(stack, "runs", "houses")["runs"][-1]["id"]
    assert "passed: there is no champion yet" in ask(stack, "logs", "houses", first, "gate").stdout
    (ridge,) = answer(stack, "logs", "houses", "latest", "train ridge")["tasks"]
    assert ridge["label"] == "ridge"


REFUSED = {
    "near": (["trigger", "house"], "Airflow has no DAG 'house': did you mean houses"),
    "nothing near": (["runs", "xyz"], "Airflow has no DAG 'xyz': it has "),
    "import error": (["trigger", "ruins"], "the DAG of ruins has an import error: "),
    "status of an import error": (["status", "ruins"], "the DAG of ruins has an import error: "),
    "run": (["logs", "houses", "nope"], "houses has no run 'nope': the last ones are scheduled__"),
    "task": (["logs", "houses", "latest", "nope"], "has no task 'nope': it has extract, validate, train"),
}


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_there_is_one_sentence(stack: Stack, arguments: list[str], said: str) -> None:
    done = ask(stack, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("failed")
def test_a_paused_dag_is_not_started(stack: Stack) -> None:
    bearer = Airflow.from_settings(stack.settings)._bearer()
    url = f"{stack.settings.airflow_url}/api/v2/dags/castles"
    httpx.patch(url, json={"is_paused": True}, headers=bearer, trust_env=False).raise_for_status()
    done = ask(stack, "trigger", "castles")
    assert done.returncode == 1
    assert "the DAG of castles is paused" in done.stderr
    assert ask(stack, "status", "castles").stdout.split("\t")[1] == "failed, paused"


@pytest.mark.parametrize("command", [["trigger", "houses"], ["status"], ["runs"], ["logs", "houses"]])
def test_without_airflow_each_command_says_where_it_was_looked_for(stack: Stack, command: list[str]) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    done = ask(stack, *command, MLYARD_TRAINING_PIPELINE_AIRFLOW_URL=away)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"no answer from Airflow at {away}" in line


def test_a_wrong_login_is_told_as_such(stack: Stack) -> None:
    done = ask(stack, "status", MLYARD_TRAINING_PIPELINE_AIRFLOW_PASSWORD="a-wrong-password")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "does not know admin by this password" in line


def test_a_terminal_shows_a_bar_that_follows_the_tasks() -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=100)
    progress = Progress(console, console)
    states = ("success", "running", WAITING, WAITING)
    progress.tasks("houses", [Task(f"task{n}", -1, "", state, 1, None, None) for n, state in enumerate(states)])
    console.print(progress._now())
    *_, running, bar = drawn.getvalue().splitlines()
    assert "task1" in running
    assert "1 of 4" in bar
    assert "waiting" not in drawn.getvalue()


def test_a_line_of_a_log_says_what_an_exception_said() -> None:
    line = {
        "timestamp": "2026-01-31T12:00:00.5Z",
        "level": "error",
        "event": "Task failed",
        "error_detail": [{"exc_type": "ValueError", "exc_value": "no"}],
    }
    assert log_line(line) == "2026-01-31T12:00:00 ERROR Task failed\n    ValueError: no"


class Triggered(NamedTuple):
    """A training that was started and left by Ctrl-C, and one that waited for it and was followed to its end."""

    left: subprocess.CompletedProcess[str]
    followed: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def triggered(stack: Stack) -> Triggered:
    """Trainings of `manors`."""
    stack.empty()
    write_spec(stack.models, "manors", extra=SCHEDULE)
    wait_for_dags(stack, "manors")
    command = [COMMAND, "trigger", "manors", "--wait"]
    environment = stack.environment(PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        command, cwd=stack.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("manors"):
            break
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    left = subprocess.CompletedProcess(command, process.returncode, "".join(seen) + rest, errors)
    return Triggered(left, ask(stack, "trigger", "manors", "--wait"))


@pytest.mark.long
def test_ctrl_c_leaves_the_run_to_airflow_and_says_so(triggered: Triggered) -> None:
    assert triggered.left.returncode == 130
    assert triggered.left.stdout.startswith("run manual__")
    assert "goes on in Airflow" in triggered.left.stderr


@pytest.mark.long
def test_a_run_is_followed_to_the_verdict_of_its_gate(triggered: Triggered) -> None:
    done = triggered.followed
    assert done.returncode == 0, done.stdout + done.stderr
    first, *steps, last = done.stdout.splitlines()
    assert "waits for the one before it" in first
    for step in ("extract", "train ridge", "train mean", "gate", "promote"):
        assert any(step in line and "success" in line for line in steps), step
    assert "gate not passed: " in last
