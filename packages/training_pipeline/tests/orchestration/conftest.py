"""A folder of specs, secrets, and a real Airflow: its four processes on free ports, beside a real MLflow store."""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
import pytest
from mlyard_training_pipeline.settings import PREFIX, Settings
from pydantic import SecretStr

from .. import forks
from ..clusters import programs
from ..notifications.receivers import Receiver, webhook_receiver

COMMAND = str(Path(sys.executable).with_name("mlyard-training-pipeline"))
SPEC = """\
version = 1
name = "{name}"
task = "regression"
target = "{target}"
metric = "rmse"
key = ["size"]
folds = 2
{extra}
[source]
path = "table.csv"

[[candidates]]
name = "ridge"
estimator = "sklearn.linear_model.Ridge"

[[candidates]]
name = "mean"
estimator = "sklearn.dummy.DummyRegressor"
"""


SCHEDULE = 'schedule = "0 3 1 1 *"\n'
"""Of a model that Airflow does not train by itself here."""


def write_spec(folder: Path, name: str, *, target: str = "price", extra: str = "") -> Path:
    """Write a spec and its table of 80 rows into a folder of their own."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    rows = [f"{n},{n * n % 17},{3 * n + n * n % 5}" for n in range(80)]
    (place / "table.csv").write_text("\n".join(["size,rooms,price", *rows]))
    file = place / f"{name}.toml"
    file.write_text(SPEC.format(name=name, target=target, extra=extra))
    return file


def make_settings(folder: Path, **changes: object) -> Settings:
    """Settings with good secrets, all paths below a folder."""
    values: dict[str, object] = {
        "models": folder / "models",
        "state": folder / "state",
        "airflow_password": SecretStr("a-password-nobody-else-has"),
        "airflow_jwt_secret": SecretStr(secrets.token_urlsafe(64)),
        "airflow_secret_key": SecretStr(secrets.token_urlsafe(32)),
        "airflow_fernet_key": SecretStr(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),
    }
    return Settings.model_validate({**values, **changes})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Api:
    """A server in place of the model API: GET takes `answers`, the last one for good, POST is kept."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, {})]
        self.asked = 0
        self.posted: list[tuple[str, str | None, bytes]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = api.answers[min(api.asked, len(api.answers) - 1)]
                api.asked += 1
                self._answer(status, json.dumps(body).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.posted.append((self.path, self.headers["Authorization"], body))
                self._answer(200, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "models").mkdir()
    return make_settings(tmp_path)


class Stack:
    """Airflow's processes, and commands run against them."""

    def __init__(self, folder: Path, **changes: str) -> None:
        port = free_port()
        given = {"evidence": "false", **changes}
        self._changes = {f"{PREFIX}{name.upper()}": value for name, value in given.items()}
        (folder / "models").mkdir()
        self.folder = folder
        self.settings = make_settings(
            folder,
            port=port,
            airflow_url=f"http://127.0.0.1:{port}",
            registry_uri=f"sqlite:///{folder / 'mlflow.db'}",
        )
        self.processes: list[subprocess.Popen[bytes]] = []
        self.first_logs = ""
        self._write_secrets()

    @property
    def models(self) -> Path:
        return self.settings.models

    def environment(self, **changes: str) -> dict[str, str]:
        own = {
            f"{PREFIX}{name.upper()}": str(getattr(self.settings, name))
            for name in ("models", "state", "port", "airflow_url", "registry_uri")
        }
        folder = {f"{PREFIX}SECRETS_DIR": str(self.folder / "secrets")}
        # On a machine that is busy with other tests, answers to tasks take longer than the 5 s that Airflow allows.
        patient = {"AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return {**kept, **own, **folder, **patient, "NO_PROXY": "127.0.0.1", **self._changes, **changes}

    def run(self, *arguments: str, timeout: float = 240, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment(**changes),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def ensure(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run `ensure`, whose imports take longer than all that it does."""
        environment = self.environment(**changes)
        return forks.run(["ensure", *arguments], folder=self.folder, environment=environment, timeout=240)

    def start(self, *processes: str) -> None:
        done = self.run("airflow", "init")
        assert done.returncode == 0, done.stderr
        (self.folder / "init.log").write_text(done.stdout + done.stderr)
        for process in processes:
            with (self.folder / f"{process}.log").open("wb") as log:
                command = [COMMAND, "airflow", process]
                self.processes.append(
                    subprocess.Popen(command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log)
                )
        self.wait_until_answering()

    def wait_until_answering(self) -> None:
        deadline = time.monotonic() + 300
        while True:
            try:
                if httpx.get(f"{self.settings.airflow_url}/api/v2/version", timeout=5).is_success:
                    return
            except httpx.HTTPError:
                assert time.monotonic() < deadline, (self.folder / "api-server.log").read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def empty(self) -> None:
        """Remove all specs."""
        for file in (*self.models.glob("*.toml"), *self.models.glob("*/*.toml")):
            file.unlink()

    def follow(self, model: str) -> subprocess.Popen[str]:
        """Start `ensure`, and return when it follows a model's training."""
        process = subprocess.Popen(
            [COMMAND, "ensure"],
            cwd=self.folder,
            env=self.environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert any(line.startswith(model) for line in process.stdout)
        return process

    def _write_secrets(self) -> None:
        (self.folder / "secrets").mkdir()
        for name in ("airflow_password", "airflow_jwt_secret", "airflow_secret_key", "airflow_fernet_key"):
            (self.folder / "secrets" / name).write_text(self.settings.secret(name))


class Followed(NamedTuple):
    """The first training of `houses`, which was followed twice: until Ctrl-C, and to its end."""

    interrupted: int | None
    farewell: str
    joined: subprocess.CompletedProcess[str]
    logs: str


# Airflow's processes take processor time at rest too: they end with the last test below this folder.
@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What of Airflow answers and waits, as it is without containers: on SQLite, with the simple auth manager."""
    stack = Stack(tmp_path_factory.mktemp("plain"))
    try:
        stack.start("api-server", "triggerer")
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def told() -> Iterator[Receiver]:
    """Who is told what happens in `stack`."""
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, told: Receiver) -> Iterator[Stack]:
    """A running Airflow as it is in containers: FAB's auth manager on PostgreSQL where there is one, no triggerer."""
    changes = {
        "auth_manager": "fab",
        "notify_webhook_url": f"http://127.0.0.1:{told.port}",
        "notify_webhook_secret": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }
    if programs() is not None:
        changes["database_uri"] = f"{request.getfixturevalue('postgresql')}/postgres?application_name=x"
    stack = Stack(tmp_path_factory.mktemp("stack"), **changes)
    try:
        stack.start("api-server", "scheduler", "dag-processor")
        yield stack
    finally:
        stack.stop()


@pytest.fixture(params=[pytest.param("simple", marks=pytest.mark.long), "fab"])
def server(request: pytest.FixtureRequest) -> Stack:
    """An Airflow with its simple auth manager, and one with FAB's."""
    name = "plain" if request.param == "simple" else "stack"
    found: Stack = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="package")
def followed(stack: Stack) -> Followed:
    """The first training that this Airflow makes, of specs that are older than it."""
    stack.empty()
    os.utime(write_spec(stack.models, "houses"), (0, 0))
    process = stack.follow("houses")
    process.send_signal(signal.SIGINT)
    _, farewell = process.communicate(timeout=60)
    joined = stack.ensure()
    logs = "".join(log.read_text() for log in stack.folder.glob("*.log"))
    return Followed(process.returncode, farewell, joined, logs)


@pytest.fixture(scope="session")
def airflow_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Airflow in this process, with a migrated database of its own. It can be imported once only."""
    from mlyard_training_pipeline.orchestration.processes.database import initialise
    from mlyard_training_pipeline.orchestration.processes.environment import airflow_environment

    folder = tmp_path_factory.mktemp("airflow")
    (folder / "models").mkdir()
    settings = make_settings(folder)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name, value in airflow_environment(settings).items():
            patch.setenv(name, value)
        # Airflow and its providers warn of their own old names while they are imported.
        warnings.simplefilter("ignore")
        initialise(settings)
        import mlyard_training_pipeline.orchestration.dags.bundle
        import mlyard_training_pipeline.orchestration.dags.scoring
        import mlyard_training_pipeline.orchestration.dags.training
        import mlyard_training_pipeline.orchestration.processes.executor  # noqa: F401 - all of it is imported here, once

        yield settings
