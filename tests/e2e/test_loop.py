"""The loop, end to end: up, train, predict, change over, roll back, lose the registry, down, up again, nothing left.

One stack serves the module; the tests run in order, each going on from where the one before left it.
"""

import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from steady_client import SteadyClient
from waiting import wait_until

from .stack import PORTS, ROOT, Stack

PAGE = ROOT / "docs" / "own-table.md"
PIPELINE = "mlyard-training-pipeline "
STUMP = """
[[candidates]]
name = "stump"
estimator = "sklearn.tree.DecisionTreeClassifier"
parameters = { max_depth = 1 }
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    process = stack.up()
    try:
        yield stack
    finally:
        stack.hatch("run", "down")
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        stack.sweep()
        print(stack.output.read_text())  # noqa: T201 - pytest shows it for a failed test


@pytest.fixture(scope="module")
def rows(stack: Stack) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {stack.key}"}
    model = httpx.get(f"{stack.api}/models/penguins", headers=headers).json()
    example = {column["name"]: column["example"] for column in model["schema"]["columns"]}
    heavy = {**example, "body_mass_g": 6000, "flipper_length_mm": 225}
    return [example, heavy]


def test_up_trains_and_shows_a_curl_line_that_works_when_pasted(stack: Stack) -> None:
    seconds = wait_until(stack.is_complete, seconds=400, what="a curl line")
    print(f"first prediction possible after {seconds:.0f} s")  # noqa: T201
    lines = stack.output.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip().startswith("curl"))
    end = next(n for n in range(start, len(lines)) if not lines[n].rstrip().endswith("\\"))
    command = "\n".join(lines[start : end + 1])
    assert lines[-1] == f"The model API is ready: {stack.api}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert '"predictions"' in done.stdout, command + done.stdout + done.stderr


def test_a_second_version_takes_over_under_load_with_no_failed_and_no_mixed_answer(
    stack: Stack, rows: list[dict[str, Any]]
) -> None:
    spec = stack.models / "penguins/penguins.toml"
    original = spec.read_text()
    spec.write_text(re.split(r"^\[\[candidates]]", original, maxsplit=1, flags=re.MULTILINE)[0] + STUMP)
    stack.pipeline("run", str(spec))
    spec.write_text(original)
    client = SteadyClient(f"{stack.api}/models/penguins/predict", key=stack.key, rows=rows, rate=20)
    client.start()
    client.wait_for_version(1, seconds=5)
    stack.pipeline("promote", "penguins", "2", "--reason", "tested under load")
    client.wait_for_version(2, seconds=15)
    stack.pipeline("rollback", "penguins", "--reason", "back again")
    client.wait_for_version(1, seconds=15)
    answers = client.stop()
    assert {answer.status for answer in answers} == {200}
    outputs = {version: [a.outputs for a in answers if a.version == version] for version in (1, 2)}
    for of_version in outputs.values():
        assert all(output == of_version[0] for output in of_version)
    assert outputs[1][0] != outputs[2][0], "the two versions must differ, or this test sees no mixture"
    history = stack.pipeline("history", "penguins")
    assert "tested under load" in history
    assert "back again" in history


def test_the_api_serves_on_while_the_registry_is_killed_and_comes_back(
    stack: Stack, rows: list[dict[str, Any]]
) -> None:
    client = SteadyClient(f"{stack.api}/models/penguins/predict", key=stack.key, rows=rows, rate=20)
    client.start()
    killed = stack.kill_registry()
    wait_until(lambda: stack.listener(stack.ports[PORTS[0]]) != killed, seconds=40, what="MLflow started again")
    wait_until(lambda: httpx.get(f"{stack.registry_uri}/health").is_success, seconds=40, what="MLflow answering")
    assert {answer.status for answer in client.stop()} == {200}
    assert "back again" in stack.pipeline("history", "penguins")


def test_a_table_of_ones_own_becomes_a_served_model_as_its_page_says(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "birds"
    begun = time.monotonic()
    for kind, text in re.findall(r"^```(sh|toml)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        here = text.replace("models/birds", str(folder))
        if kind == "toml":
            (folder / "birds.toml").write_text((folder / "birds.toml").read_text() + text)
        elif PIPELINE in here:
            stack.pipeline(*shlex.split(here.partition(PIPELINE)[2]))
        elif "hatch run up" in here:
            # The stack runs already: the page says to move the folder in.
            folder.rename(stack.models / "birds")
        elif "curl" in here:
            here = text.replace(".mlyard/", f"{stack.state}/").replace("http://127.0.0.1:8000", stack.api)
            wait_until(lambda: '"Gentoo"' in shell(here), seconds=300, what="the answer of the page")  # noqa: B023
        else:
            shell(here)
    print(f"from the table to its answer in {time.monotonic() - begun:.0f} s")  # noqa: T201


def shell(command: str) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout


def test_ps_and_logs_show_the_services(stack: Stack) -> None:
    shown = {line.split()[0]: line.split()[1:3] for line in stack.hatch("run", "ps").stdout.splitlines() if line}
    assert shown["SERVICE"] == ["STATE", "READY"]
    for service in ("mlflow", "airflow", "airflow-scheduler", "airflow-dag-processor", "model-api"):
        assert shown[service] == ["running", "yes"]
    assert stack.hatch("run", "logs", "model-api").stdout


def test_down_leaves_nothing(stack: Stack) -> None:
    started = time.monotonic()
    done = stack.hatch("run", "down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < 20
    assert stack.processes() == []
    listening = {c.laddr.port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert not listening & set(stack.ports.values())


def test_a_second_up_answers_quickly_and_does_not_train_again(stack: Stack, rows: list[dict[str, Any]]) -> None:
    process = stack.up()
    try:
        seconds = wait_until(
            lambda: stack.predictions({"rows": rows}).status_code == 200, seconds=60, what="a prediction"
        )
        print(f"state exists: first prediction after {seconds:.1f} s")  # noqa: T201
        wait_until(stack.is_complete, seconds=120, what="the whole stack")
        assert len(re.findall("finished", stack.pipeline("history", "penguins"))) >= 3
        versions = httpx.get(
            f"{stack.registry_uri}/api/2.0/mlflow/model-versions/search", params={"filter": "name='penguins'"}
        ).json()
        assert len(versions["model_versions"]) == 2
    finally:
        stack.hatch("run", "down")
        process.wait(30)
    assert stack.processes() == []


def test_no_secret_is_in_a_log_or_in_the_output(stack: Stack) -> None:
    secrets = [file.read_text().strip() for file in (stack.state / "secrets").rglob("*") if file.is_file()]
    assert len(secrets) >= 5
    logs = [stack.output, *[file for file in Path(stack.state).rglob("*.log*") if file.is_file()]]
    for file in logs:
        text = file.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], file
