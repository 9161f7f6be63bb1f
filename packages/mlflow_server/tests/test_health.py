import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlyard_mlflow_server.address import Address
from mlyard_mlflow_server.health import Unhealthy, check

from .conftest import Server, environment, free_port


def test_a_server_that_answers_by_every_name_is_healthy(server: Server) -> None:
    done = server.check()
    assert done.returncode == 0, done.stderr
    names = ", ".join(f"{name}:{server.port}" for name in ("mlflow", "localhost", "[::1]", "127.0.0.1"))
    assert f"reached as {names}\n" in done.stdout


def test_a_name_that_the_server_refuses_is_found(server: Server) -> None:
    done = server.check("--name", "tracking.example.com")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"'tracking.example.com:{server.port}' (403)" in done.stderr
    assert "MLYARD_MLFLOW_SERVER_ALLOWED_HOSTS" in done.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    address = Address(port=free_port())
    with pytest.raises(Unhealthy, match=f"127.0.0.1:{address.port}.*refused.*MLYARD_MLFLOW_SERVER_PORT"):
        check(address, address.names())


@contextmanager
def answering(status: int) -> Iterator[Address]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

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
    ("status", "said"),
    [
        pytest.param(404, "is not an MLflow server", id="another-program"),
        pytest.param(500, "answers 500", id="a-failing-database"),
    ],
)
def test_an_answer_that_is_no_answer(status: int, said: str) -> None:
    with answering(status) as address, pytest.raises(Unhealthy, match=said):
        check(address, address.names())


def test_a_server_that_wants_an_account_is_healthy() -> None:
    with answering(401) as address:
        check(address, ("localhost:5000",))


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
    assert not {"click", "mlflow", "pydantic", "sqlalchemy", "httpx", "werkzeug"} & set(done.stdout.split())
