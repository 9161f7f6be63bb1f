"""What `hatch run model-api:serve` starts: the service over small real versions, with nothing else running."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .conftest import free_port

SERVE = Path(__file__).parents[1] / "development" / "serve.py"
KEY = "a-key-for-the-tests"
SECONDS = 90
ALL = {
    *("again", "amount", "approvals", "durations", "groups"),
    *("incomes", "mixed", "prices", "returns", "visits"),
}
FEW = {"amount", "groups", "prices"}
"""Both contracts, engines and tasks; each further version takes seconds to start."""


@pytest.fixture(scope="module", params=[FEW, pytest.param(ALL, marks=pytest.mark.long)], ids=["few", "all"])
def models(request: pytest.FixtureRequest) -> set[str]:
    return set(request.param)


@pytest.fixture(scope="module")
def served(models: set[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A client of the running service, and what it printed."""
    folder = tmp_path_factory.mktemp("development")
    port = free_port()
    settings = {
        "MLYARD_MODEL_API_PORT": str(port),
        "MLYARD_MODEL_API_CACHE": str(folder / "cache"),
        "MLYARD_MODEL_API_API_KEY": KEY,
    }
    if models != ALL:
        settings["MLYARD_MODEL_API_MODELS"] = ",".join(sorted(models))
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, SERVE], env=os.environ | settings, stdout=output, stderr=output)
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as client:
            deadline = time.monotonic() + SECONDS
            while not _is_ready(client):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield client, log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_every_kind_of_version_is_served(served: tuple[httpx.Client, str], models: set[str]) -> None:
    client, log = served
    found = {model["name"]: model for model in client.get("/models").json()["models"]}
    assert set(found) == models, log
    assert f"models: {', '.join(sorted(ALL))}" in log
    assert {model["engine"] for model in found.values()} == {"onnx", "skops"}
    assert {model["task"] for model in found.values()} == {"classification", "regression"}


def test_every_model_answers_the_example_of_its_schema(served: tuple[httpx.Client, str]) -> None:
    client, _ = served
    for model in client.get("/models").json()["models"]:
        columns = client.get(f"/models/{model['name']}").json()["schema"]["columns"]
        row = {column["name"]: column["example"] for column in columns}
        answer = client.post(f"/models/{model['name']}/predict", json={"rows": [row]})
        assert answer.status_code == 200, answer.text


def test_the_line_that_it_prints_predicts(served: tuple[httpx.Client, str]) -> None:
    _, log = served
    [line] = re.findall(r"^ +curl .*$", log, re.MULTILINE)
    answer = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True).stdout
    assert '"model":"prices"' in answer
