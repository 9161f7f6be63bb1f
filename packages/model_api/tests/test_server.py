"""The real process: its start from the cache, its end, and what it says about a user's mistakes."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvloop
from mlyard_model_api.server import ACCEPTED, listeners

from .conftest import KEY, filled, registry_of
from .versions import PENGUIN

COMMAND = [sys.executable, "-m", "mlyard_model_api"]


@contextlib.contextmanager
def started(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*COMMAND, "serve"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with started(environment) as process:
        yield process


@pytest.fixture(scope="module")
def shared(
    registered: dict[tuple[str, int], tuple[Path, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment of a server for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    environment = filled(folder / "cache", registry_of(registered, folder))
    with started(environment):
        wait_until_ready(environment)
        yield environment


def address(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['MLYARD_MODEL_API_PORT']}"


def predict(environment: dict[str, str], rows: int = 1) -> httpx.Response:
    headers = {"Authorization": f"Bearer {environment.get('MLYARD_MODEL_API_API_KEY', KEY)}"}
    url = f"{address(environment)}/models/penguins/predict"
    return httpx.post(url, json={"rows": [PENGUIN] * rows}, headers=headers, timeout=20)


def wait_for_prediction(environment: dict[str, str], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            response = predict(environment)
            if response.status_code == 200:
                return
            seen = response.text
        except httpx.TransportError as error:
            seen = repr(error)
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)


def wait_until_ready(environment: dict[str, str], *, seconds: float = 60) -> None:
    wait_for_prediction(environment)
    deadline = time.monotonic() + seconds
    while (response := httpx.get(f"{address(environment)}/health/ready", timeout=20)).status_code != 200:
        assert time.monotonic() < deadline, response.text
        time.sleep(0.2)


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], text: str) -> None:
    assert done.returncode == 1
    assert text in done.stderr
    assert done.stderr.startswith("mlyard-model-api: ")
    assert done.stderr.count("\n") == 1


def test_it_predicts_from_its_cache_and_ends_at_sigterm(
    server: subprocess.Popen[str], environment: dict[str, str]
) -> None:
    wait_until_ready(environment)
    connections = [http.client.HTTPConnection("127.0.0.1", int(environment["MLYARD_MODEL_API_PORT"])) for _ in range(5)]
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for rows in (1, 4_000):
        for connection in connections:
            body = json.dumps({"rows": [PENGUIN] * rows})
            connection.request("POST", "/models/penguins/predict", body=body, headers=headers)
            if rows == 1:
                connection.getresponse().read()
    time.sleep(0.3)
    stopping = time.monotonic()
    server.send_signal(signal.SIGTERM)
    answers = []
    for connection in connections:
        response = connection.getresponse()
        answers.append((response.status, len(response.read()) > 400_000))
        connection.close()
    assert answers == [(200, True)] * 5
    _, log = server.communicate(timeout=10)
    assert time.monotonic() - stopping < 10
    assert server.returncode == 0
    assert "Traceback" not in log
    assert KEY not in log


def connect(environment: dict[str, str]) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(environment["MLYARD_MODEL_API_PORT"])), timeout=10)


def test_a_row_is_answered_without_delay(shared: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(shared["MLYARD_MODEL_API_PORT"]))
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    body, times = json.dumps({"rows": [PENGUIN]}), []
    for _ in range(50):
        started = time.perf_counter()
        connection.request("POST", "/models/penguins/predict", body=body, headers=headers)
        assert connection.getresponse().read()
        times.append(time.perf_counter() - started)
    connection.close()
    # An answer that waits for an acknowledgement of the client's takes 40 ms, each time.
    assert min(times) < 0.01


def test_unfinished_bodies_take_no_more_memory_than_they_may(environment: dict[str, str]) -> None:
    environment["MLYARD_MODEL_API_DEADLINE_SECONDS"] = "1"
    with started(environment) as server:
        wait_until_ready(environment)
        hold_bodies(server.pid, environment)


def hold_bodies(pid: int, environment: dict[str, str]) -> None:
    size = 16 * 1024**2
    head = (
        f"POST /models/penguins/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    )
    before = resident(pid)
    clients = [connect(environment) for _ in range(56)]
    statuses = []
    for client in clients:
        client.sendall(head.encode())
        client.settimeout(0.3 if client in clients[:4] else 0.02)
        with contextlib.suppress(OSError):
            client.sendall(b" " * (size - 1))
    assert predict(environment).status_code == 200
    for client in clients[4:]:
        client.settimeout(5)
        with contextlib.suppress(OSError):
            statuses.append(client.recv(12))
    assert set(statuses) == {b"HTTP/1.1 503"}
    assert len(statuses) == 52
    assert resident(pid) - before < 150 * 1024**2
    for client in clients:
        client.close()
    wait_for_prediction(environment)


def resident(pid: int) -> int:
    """A process's memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_wrong_key_is_refused_without_its_body(shared: dict[str, str]) -> None:
    with connect(shared) as client:
        client.sendall(
            b"POST /models/penguins/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n"
            b"Content-Type: application/json\r\nContent-Length: 300000000\r\n\r\n"
        )
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 300_000_000:
                sent += client.send(b" " * 65536)
        assert sent < 20_000_000
        assert client.recv(12) == b"HTTP/1.1 401"


def test_it_is_checked_without_curl(shared: dict[str, str]) -> None:
    done = run("check", "--ready", environment=shared)
    assert (done.returncode, done.stdout) == (0, f"ready at 127.0.0.1:{shared['MLYARD_MODEL_API_PORT']}\n")
    assert run("check", environment=shared).returncode == 0


def test_a_check_of_nothing_says_so(environment: dict[str, str]) -> None:
    assert_one_sentence(run("check", environment=environment), "no model API answers at 127.0.0.1")


def test_a_check_imports_nothing_heavy(environment: dict[str, str]) -> None:
    code = "import sys, mlyard_model_api.cli, mlyard_model_api.check; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert not {"fastapi", "numpy", "mlflow", "onnxruntime", "sklearn", "uvicorn"} & set(done.stdout.split())


def test_a_taken_port_is_one_sentence(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["MLYARD_MODEL_API_PORT"]))):
        done = run("serve", environment=environment)
    assert_one_sentence(done, "set MLYARD_MODEL_API_PORT to a free port")


def test_a_wrong_setting_is_one_sentence(environment: dict[str, str]) -> None:
    done = run("serve", environment=environment | {"MLYARD_MODEL_API_POLL_SECONDS": "often"})
    assert_one_sentence(done, "MLYARD_MODEL_API_POLL_SECONDS")


def test_an_unusable_cache_is_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("serve", environment=environment | {"MLYARD_MODEL_API_CACHE": str(tmp_path / "file")})
    assert_one_sentence(done, "cannot write")


def test_clients_that_come_at_once_do_not_wait_a_turn_of_the_event_loop_for_each_other() -> None:
    accepted: list[asyncio.BaseTransport] = []

    class Counted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport)

    async def turns() -> int:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0), backlog=200) as listener, contextlib.ExitStack() as clients:
            servers = [await loop.create_server(Counted, sock=one) for one in listeners(listener)]
            for _ in range(4 * ACCEPTED):
                clients.enter_context(socket.create_connection(listener.getsockname()))
            found = 0
            while len(accepted) < 4 * ACCEPTED:
                found += 1
                await asyncio.sleep(0)
            for transport in accepted:
                transport.close()
            for server in servers:
                server.close()
            return found

    assert uvloop.run(turns()) < ACCEPTED
