import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlyard_mlflow_server import health
from mlyard_mlflow_server.address import Address
from mlyard_mlflow_server.guards.readiness import KEPT_SECONDS
from mlyard_mlflow_server.health import READY, Unhealthy, check

from .clusters import Cluster
from .servers import Server, environment, free_port


def test_a_server_that_answers_by_every_name_is_healthy(server: Server) -> None:
    done = server.check()
    assert done.returncode == 0, done.stderr
    names = ("mlflow", "localhost", "127.0.0.1", "[::1]", "tracking.example.com")
    assert f"reached as {', '.join(f'{name}:{server.port}' for name in names)}\n" in done.stdout


def test_a_server_with_sign_in_is_healthy(signed_in: Server) -> None:
    done = signed_in.check()
    assert done.returncode == 0, done.stderr


def test_a_name_that_the_server_refuses_is_found(server: Server, signed_in: Server) -> None:
    for running in (server, signed_in):
        done = running.check("--name", "other.example.com")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"'other.example.com:{running.port}' (403)" in done.stderr
        assert "MLYARD_MLFLOW_SERVER_ALLOWED_HOSTS" in done.stderr
    assert server.check("--name", "any.internal.example").returncode == 0


def unhealthy(server: Server, said: str) -> None:
    """Check that a server says within seconds what is wrong, and says so again."""
    time.sleep(KEPT_SECONDS)
    for _ in range(2):
        started = time.monotonic()
        done = server.check()
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert said in done.stderr
        assert time.monotonic() - started < 10


def healthy_again(server: Server) -> None:
    deadline = time.monotonic() + 20
    while server.check().returncode:
        assert time.monotonic() < deadline


def test_a_frozen_postgresql_is_found_under_sign_in(signed_in: Server, postgresql: Cluster) -> None:
    with postgresql.frozen():
        unhealthy(signed_in, "is not ready: the database has not answered for")
        assert signed_in.request("GET", "/health").status_code == 200
    healthy_again(signed_in)


def test_a_locked_sqlite_is_found(server: Server) -> None:
    with closing(sqlite3.connect(server.folder / "mlflow-data" / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        unhealthy(server, "is not ready: the database mlflow-data/mlflow.db does not answer: database is locked")
        other.execute("ROLLBACK")
    healthy_again(server)


def test_a_lost_volume_of_artifacts_is_found(server: Server) -> None:
    folder = server.folder / "mlflow-data" / "artifacts"
    moved = folder.rename(folder.with_name("elsewhere"))
    unhealthy(server, "is not ready: the folder of the artifacts is gone")
    moved.rename(folder)
    healthy_again(server)


def test_a_server_that_is_not_there_is_named() -> None:
    address = Address(port=free_port())
    with pytest.raises(Unhealthy, match=rf"127.0.0.1:{address.port}.*refused.*MLYARD_MLFLOW_SERVER_PORT"):
        check(address, address.names())


def test_a_server_that_hangs_is_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = Address(port=hanging.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(Unhealthy, match="did not answer within"):
            check(address, address.names())
    assert time.monotonic() - started < 3


@contextmanager
def answering(ready: int, named: int = 200, body: bytes = b"") -> Iterator[Address]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(ready if self.path == READY else named)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            yield Address(port=other.server_port)
        finally:
            other.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("ready", "named", "body", "said"),
    [
        pytest.param(404, 200, b"", "is not this package's MLflow server", id="another-program"),
        pytest.param(401, 401, b"", "is not this package's MLflow server", id="an-older-one"),
        pytest.param(503, 200, b'{"message": "the database is away"}', "is not ready: the database is away", id="away"),
        pytest.param(503, 200, b"<html>", "is not ready: it does not say why", id="a-proxy"),
        pytest.param(200, 500, b"", "answers 500", id="a-failing-server"),
        pytest.param(200, 401, b"", "answers 401", id="sign-in-is-not-an-answer"),
    ],
)
def test_an_answer_that_is_not_health(ready: int, named: int, body: bytes, said: str) -> None:
    with answering(ready, named, body) as address, pytest.raises(Unhealthy, match=said):
        check(address, address.names())


def test_the_check_imports_nothing_heavy() -> None:
    code = "import sys; from mlyard_mlflow_server.__main__ import main\ntry: main()\nfinally: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "check"],
        env=environment(MLYARD_MLFLOW_SERVER_PORT=str(free_port())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no MLflow server answers" in done.stderr
    assert "http.client" in done.stdout
    heavy = {"click", "mlflow", "pydantic", "sqlalchemy", "sqlite3", "psycopg", "httpx", "werkzeug", "asyncio"}
    assert not heavy & set(done.stdout.split())
