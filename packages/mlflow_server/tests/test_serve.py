"""The real server, as its users meet it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.request import urlopen

import pytest

from .conftest import Server, environment, sign_in

CLIENT = """
import mlflow, pathlib, sys
mlflow.set_experiment("with-artifacts")
with mlflow.start_run() as run:
    mlflow.log_text("through the server", "note.txt")
assert run.info.artifact_uri.startswith("mlflow-artifacts:/"), run.info.artifact_uri
print(pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="note.txt")).read_text())
"""


def test_a_client_stores_and_reads_artifacts_through_the_server(server: Server, tmp_path: Path) -> None:
    settings = environment(MLFLOW_TRACKING_URI=server.url, MLFLOW_DISABLE_TELEMETRY="true")
    client = subprocess.run(
        [sys.executable, "-c", CLIENT], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
    )
    assert client.returncode == 0, client.stderr
    assert client.stdout.splitlines()[-1] == "through the server"
    assert list(tmp_path.iterdir()) == []
    assert len(list((server.folder / "mlflow-data" / "artifacts").rglob("note.txt"))) == 1


def test_the_log_has_no_warning_and_no_traceback(server: Server) -> None:
    log = server.log.read_text()
    assert "running on http://127.0.0.1" in log
    assert "Warning" not in log
    assert "WARNING" not in log.replace("Rejected request with invalid Host header", "")
    assert "Traceback" not in log


def search_from(server: Server, origin: str) -> HTTPResponse:
    """Post as a page of that origin would."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        headers = {"Host": f"mlflow:{server.port}", "Origin": origin, "Content-Type": "application/json"}
        connection.request("POST", "/ajax-api/2.0/mlflow/experiments/search", '{"max_results": 1}', headers)
        answer = connection.getresponse()
        answer.read()
        return answer


def test_its_page_may_post_under_an_allowed_name(server: Server) -> None:
    assert search_from(server, f"http://mlflow:{server.port}").status == 200


@pytest.mark.parametrize("origin", ["http://mlflow.example.com", "http://localhost.example.com", "http://example.com"])
def test_a_foreign_page_may_neither_post_nor_read(server: Server, origin: str) -> None:
    answer = search_from(server, origin)
    assert answer.status == 403
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_a_restart_keeps_what_was_stored(serve: Callable[..., Server]) -> None:
    first = serve().wait()
    first.post("experiments/create", name="kept")
    assert first.stop() < 10
    second = serve(port=first.port).wait()
    assert "kept" in second.experiments()
    assert second.log.read_text().count("Creating initial MLflow database tables") == 1


def test_sigterm_ends_it_in_ten_seconds_with_a_request_under_way(serve: Callable[..., Server]) -> None:
    running = serve().wait()
    with socket.create_connection(("127.0.0.1", running.port)) as stuck:
        start = "POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 99\r\n\r\n{"
        stuck.sendall(start.encode())
        time.sleep(0.5)
        assert running.stop() < 10
    assert running.process.returncode == 0
    assert not answers(running.port)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_after_a_sigkill_nothing_keeps_the_port(workers: str, serve: Callable[..., Server]) -> None:
    running = serve(MLYARD_MLFLOW_SERVER_WORKERS=workers).wait()
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    deadline = time.monotonic() + 10
    while answers(running.port):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    serve(port=running.port, MLYARD_MLFLOW_SERVER_WORKERS=workers).wait()


def test_two_that_start_at_once_share_a_new_database(serve: Callable[..., Server]) -> None:
    both = [serve(), serve()]
    for running in both:
        running.wait()
    both[0].post("experiments/create", name="shared")
    assert "shared" in both[1].experiments()


def test_postgresql_keeps_runs_and_its_password_to_itself(serve: Callable[..., Server], postgresql: str) -> None:
    both = [serve(BACKEND_STORE_URI=f"{postgresql}/postgres") for _ in range(2)]
    for running in both:
        running.wait()
    both[0].post("experiments/create", name="on-postgresql")
    assert "on-postgresql" in both[1].experiments()
    for running in both:
        assert running.check().returncode == 0
        assert "s3cret" not in running.log.read_text()
    if Path("/proc").is_dir():
        own = f"/proc/{os.getpid()}"
        lines = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if not str(p).startswith(own)]
        assert not [line for line in lines if b"s3cret" in line]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc to count processes in")
def test_one_worker_is_one_process(serve: Callable[..., Server]) -> None:
    running = serve().wait()
    assert "".join(file.read_text() for file in Path(f"/proc/{running.process.pid}/task").glob("*/children")) == ""


def test_uvicorns_own_options_are_taken(serve: Callable[..., Server]) -> None:
    running = serve(MLFLOW_UVICORN_OPTS="--access-log --no-server-header").wait()
    assert "GET /health" in running.log.read_text()
    with urlopen(f"{running.url}/health", timeout=5) as answer:
        assert "server" not in answer.headers


def test_a_server_that_all_may_reach_says_so_unless_they_sign_in(serve: Callable[..., Server], tmp_path: Path) -> None:
    everywhere = {"MLYARD_MLFLOW_SERVER_HOST": "0.0.0.0"}
    both = serve(**everywhere).wait(), serve(**everywhere, **sign_in(tmp_path)).wait()
    assert ["set MLYARD_MLFLOW_SERVER_AUTH=basic" in running.log.read_text() for running in both] == [True, False]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
