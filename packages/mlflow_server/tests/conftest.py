import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

START_SECONDS = 240
COMMAND = [sys.executable, "-m", "mlyard_mlflow_server"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """The variables of this machine without any that MLflow or mlyard would read, and the settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLYARD_"))}
    return kept | settings


PASSWORDS = {
    "flask_secret_key": "s3cret-of-the-signatures",
    "admin_password": "s3cret-of-the-admin",
    "pipeline_password": "s3cret-of-the-pipeline",
    "api_password": "s3cret-of-the-api",
}


def sign_in(folder: Path, **changed: str) -> dict[str, str]:
    """The settings of a server with sign-in, whose secrets are files of this folder."""
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    for name, value in (PASSWORDS | changed).items():
        (secrets / name).write_text(value)
    return {"MLYARD_MLFLOW_SERVER_AUTH": "basic", "MLYARD_MLFLOW_SERVER_SECRETS_DIR": str(secrets)}


class Server:
    """A real `mlyard-mlflow-server serve` in its own folder."""

    def __init__(self, folder: Path, *, port: int, settings: Mapping[str, str]) -> None:
        self.port = port
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.settings = {"MLYARD_MLFLOW_SERVER_PORT": str(port), **settings}
        self.log = folder / f"server-{port}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve"], cwd=folder, env=environment(**self.settings), stdout=log, stderr=log
            )

    def wait(self) -> "Server":
        for _ in range(START_SECONDS * 5):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urlopen(f"{self.url}/health", timeout=5):
                    return self
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"no answer after {START_SECONDS} s: {self.log.read_text()}")

    def post(self, path: str, **body: object) -> dict[str, object]:
        request = Request(f"{self.url}/api/2.0/mlflow/{path}", data=json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def experiments(self) -> set[str]:
        found = self.post("experiments/search", max_results=100)["experiments"]
        assert isinstance(found, list)
        return {experiment["name"] for experiment in found}

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "check", *arguments]
        return subprocess.run(command, env=environment(**self.settings), capture_output=True, text=True, check=False)

    def stop(self) -> float:
        """Send SIGTERM and return the seconds until the server has ended."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - started


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that are stopped when the test ends."""
    with ExitStack() as stack:

        def start(*, port: int = 0, **settings: str) -> Server:
            server = Server(tmp_path, port=port or free_port(), settings=settings)
            stack.callback(_end, server.process)
            return server

        yield start


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running server for all tests of a file that leave it as it was."""
    settings = {"MLYARD_MLFLOW_SERVER_WORKERS": "2", "MLYARD_MLFLOW_SERVER_ALLOWED_HOSTS": "mlflow:*,localhost,[::1]"}
    running = Server(tmp_path_factory.mktemp("server"), port=free_port(), settings=settings)
    try:
        yield running.wait()
    finally:
        _end(running.process)


def run_serve(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a `serve` that is expected to end by itself."""
    port = settings.pop("MLYARD_MLFLOW_SERVER_PORT", str(free_port()))
    return subprocess.run(
        [*COMMAND, "serve"],
        cwd=folder,
        env=environment(MLYARD_MLFLOW_SERVER_PORT=port, **settings),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URI, without a database, of a real PostgreSQL that wants a password."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("pg_ctl") or (str(programs[-1] / "pg_ctl") if programs else None)
    if found is None:
        pytest.skip("no PostgreSQL on this machine (no pg_ctl in PATH or /usr/lib/postgresql): its tests were left out")
    with _cluster(Path(found).parent) as port:
        yield f"postgresql://mlyard:s3cret%40pg@127.0.0.1:{port}"


@contextmanager
def _cluster(programs: Path) -> Iterator[int]:
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text("s3cret@pg")
        if user is not None:
            shutil.chown(folder, user)
            shutil.chown(password, user)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), *arguments]
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "mlyard", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield port
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
