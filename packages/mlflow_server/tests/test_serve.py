"""The real server, as its users meet it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .servers import PASSWORDS, Server, answers, environment

CLIENT = """
import mlflow, pathlib, tempfile
mlflow.set_experiment("with-artifacts")
with mlflow.start_run() as run:
    mlflow.log_text("through the server", "through-the-server.txt")
assert run.info.artifact_uri.startswith("mlflow-artifacts:/"), run.info.artifact_uri
with tempfile.TemporaryDirectory() as folder:
    where = {"artifact_path": "through-the-server.txt", "dst_path": folder}
    file = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, **where)
    print(pathlib.Path(file).read_text())
"""


def test_a_client_stores_and_reads_artifacts_through_the_server(server: Server, tmp_path: Path) -> None:
    settings = environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true")
    client = subprocess.run(
        [sys.executable, "-c", CLIENT], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
    )
    assert client.returncode == 0, client.stderr
    assert client.stdout.splitlines()[-1] == "through the server"
    assert list(tmp_path.iterdir()) == []
    assert len(list((server.folder / "mlflow-data" / "artifacts").rglob("through-the-server.txt"))) == 1


def test_the_log_has_no_line_for_a_request_that_went_well(server: Server) -> None:
    before = len(server.log.read_text())
    assert server.check().returncode == 0
    server.experiments()
    assert server.log_since(before) == ""


@pytest.fixture(scope="module")
def first(servers: tuple[Server, Server]) -> Server:
    """A server that everyone reaches, until the fixture `second` ends it."""
    return servers[1].wait()


class Second(NamedTuple):
    server: Server
    seconds_of_the_end: float
    port_was_free: bool
    answer: str


@pytest.fixture(scope="module")
def second(first: Server) -> Iterator[Second]:
    """The same server after SIGTERM with a request under way, with a log of accesses and an option of uvicorn's."""
    first.post("experiments/create", name="kept")
    with socket.create_connection(("127.0.0.1", first.port)) as stuck:
        start = "POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 99\r\n\r\n{"
        stuck.sendall(start.encode())
        time.sleep(0.5)
        seconds = first.stop()
        answer = stuck.recv(1000).decode()
    port_was_free = not answers(first.port)
    options = {"MLFLOW_UVICORN_OPTS": "--no-server-header --access-log"}
    server = Server(first.folder, port=first.port, settings=options, log="second")
    try:
        yield Second(server.wait(), seconds, port_was_free, answer)
    finally:
        server.end()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc to count processes in")
def test_one_worker_is_one_process(first: Server) -> None:
    assert "".join(file.read_text() for file in Path(f"/proc/{first.process.pid}/task").glob("*/children")) == ""


def test_a_server_that_all_may_reach_says_so_unless_they_sign_in(first: Server, signed_in: Server) -> None:
    assert ["set MLYARD_MLFLOW_SERVER_AUTH=basic" in one.log.read_text() for one in (first, signed_in)] == [True, False]


def test_sigterm_ends_it_in_ten_seconds_with_a_request_under_way(first: Server, second: Second) -> None:
    assert first.process.returncode == 0
    assert second.seconds_of_the_end < 10
    assert second.port_was_free
    assert second.answer.startswith("HTTP/1.1 503 ")


def test_a_restart_keeps_what_was_stored(second: Second) -> None:
    assert "kept" in second.server.experiments()


def test_uvicorns_own_options_are_taken(second: Second) -> None:
    assert "server" not in second.server.request("GET", "/health").headers
    assert "GET /health HTTP/1.1" in second.server.log.read_text()


def test_two_that_start_at_once_share_a_new_database(server: Server, first: Server) -> None:
    assert first.folder == server.folder
    logs = server.log.read_text() + first.log.read_text()
    assert logs.count("Creating initial MLflow database tables") == 1
    assert "kept" in server.experiments()


def test_two_that_start_at_once_share_their_accounts(
    signed_in: Server, servers_with_sign_in: tuple[Server, Server]
) -> None:
    other = servers_with_sign_in[1].wait()
    made = signed_in.request("POST", "/api/2.0/mlflow/experiments/create", account="pipeline", json={"name": "shared"})
    assert made.status_code == 200
    path = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=shared"
    for account in ("api", "admin", "pipeline"):
        assert other.request("GET", path, account=account).status_code == 200
    for running in (signed_in, other):
        assert_no_secret_shows(running)


def test_after_a_sigkill_nothing_keeps_the_port(servers_with_sign_in: tuple[Server, Server]) -> None:
    _, running = servers_with_sign_in
    running.wait().process.send_signal(signal.SIGKILL)
    running.process.wait()
    deadline = time.monotonic() + 10
    while answers(running.port):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_postgresqls_password_is_seen_nowhere(signed_in: Server) -> None:
    if "BACKEND_STORE_URI" not in signed_in.settings:
        pytest.skip("no PostgreSQL on this machine: its tests were left out")
    assert not list(signed_in.folder.glob("*.db"))
    if Path("/proc").is_dir():
        own = f"/proc/{os.getpid()}"
        lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if not str(file).startswith(own)]
        assert not [line for line in lines if b"s3cret" in line]
    assert all(value not in signed_in.log.read_text() for value in (*PASSWORDS.values(), "s3cret"))


def assert_no_secret_shows(server: Server) -> None:
    """Look at the command line and the environment of each of its processes, as anyone in its container could."""
    if not Path("/proc").is_dir():
        return
    given = {value.encode() for value in server.settings.values() if "s3cret" in value}
    for process in processes(server.process.pid):
        shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        for value in given:  # what the test itself set as a variable
            shown = shown.replace(value, b"")
        assert b"s3cret" not in shown, process


def processes(pid: int) -> Iterator[Path]:
    yield Path(f"/proc/{pid}")
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))
