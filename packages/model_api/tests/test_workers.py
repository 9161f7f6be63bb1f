"""Several workers as one service, as real processes."""

import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from .conftest import KEY, filled, registry_of
from .test_server import address, predict, started, wait_for_prediction
from .versions import PENGUIN

Service = tuple[subprocess.Popen[str], dict[str, str]]
"""A service of two workers, and its environment."""
SEVERAL = {"MLYARD_MODEL_API_WORKERS": "2", "MLYARD_MODEL_API_MODELS": "penguins"}


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[Service]:
    with started(environment | SEVERAL) as process:
        wait_for_prediction(environment)
        yield process, environment
        process.terminate()
        process.wait(15)


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[Service]:
    # The address of a socket has to be short.
    with tempfile.TemporaryDirectory() as own, serving(environment | {"TMPDIR": own}) as running:
        yield running


@pytest.fixture(scope="module")
def shared(
    registered: dict[tuple[str, int], tuple[Path, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """One service for the tests after which it serves on."""
    folder = tmp_path_factory.mktemp("workers")
    with serving(filled(folder / "cache", registry_of(registered, folder))) as running:
        yield running


def workers(service: subprocess.Popen[str]) -> set[int]:
    """The processes that serve; the other child asks the registry."""
    found = set()
    for child in Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split():
        if b"registry_process" not in Path(f"/proc/{child}/cmdline").read_bytes():
            found.add(int(child))
    return found


def until(condition: object, *, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_that_died_is_replaced_and_the_other_serves_meanwhile(shared: Service) -> None:
    service, environment = shared
    before = workers(service)
    assert len(before) == 2
    died = min(before)
    os.kill(died, signal.SIGKILL)
    until(lambda: died not in workers(service))
    for _ in range(5):
        assert predict(environment).status_code == 200
    until(lambda: len(workers(service) - {died}) == 2)


def test_all_workers_count_on_one_page(shared: Service) -> None:
    _, environment = shared
    for _ in range(30):  # each on a connection of its own, which the kernel deals out
        assert predict(environment).status_code == 200
    until(lambda: counted(environment) >= 30)


def counted(environment: dict[str, str]) -> float:
    """The predictions that the page tells of, by whichever worker it comes from."""
    headers = {"Authorization": f"Bearer {KEY}"}
    page = httpx.get(f"{address(environment)}/metrics", headers=headers, timeout=20).text
    lines = [line for line in page.splitlines() if line.startswith("mlyard_model_api_requests_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if "predict" in line and 'status="200"' in line)


def test_they_end_together_and_finish_what_was_asked(service: Service) -> None:
    process, environment = service
    running = workers(process)
    connection = http.client.HTTPConnection("127.0.0.1", int(environment["MLYARD_MODEL_API_PORT"]), timeout=20)
    body = json.dumps({"rows": [PENGUIN]}).encode()
    connection.putrequest("POST", "/models/penguins/predict")
    for name, value in (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json")):
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    assert connection.getresponse().status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in running)
    connection.close()


def test_workers_end_with_the_process_that_started_them_and_leave_no_folder(service: Service) -> None:
    process, environment = service
    running, folder = workers(process), Path(environment["TMPDIR"])
    assert len(list(folder.glob("mlyard-model-api-*/metrics/*.db"))) > 1
    process.kill()
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in running))
    until(lambda: not list(folder.glob("mlyard-*")))
