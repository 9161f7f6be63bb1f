"""Real servers, and what they are told."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import httpx

START_SECONDS = 240
COMMAND = [sys.executable, "-m", "mlyard_mlflow_server"]
PASSWORDS = {
    "flask_secret_key": "s3cret-of-the-signatures",
    "admin_password": "s3cret-of-the-admin",
    "pipeline_password": "s3cret-of-the-pipeline",
    "api_password": "s3cret-of-the-api",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """The variables of this machine without any that MLflow or mlyard would read, and the settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLYARD_"))}
    return kept | settings


def sign_in(folder: Path, **changed: str) -> dict[str, str]:
    """The settings of a server with sign-in, whose secrets are files of this folder."""
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    for name, value in (PASSWORDS | changed).items():
        (secrets / name).write_text(value)
    return {"MLYARD_MLFLOW_SERVER_AUTH": "basic", "MLYARD_MLFLOW_SERVER_SECRETS_DIR": str(secrets)}


class Server:
    """A real `mlyard-mlflow-server serve` in its own folder."""

    def __init__(self, folder: Path, *, port: int, settings: Mapping[str, str], log: str = "server") -> None:
        self.port = port
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.settings = {"MLYARD_MLFLOW_SERVER_PORT": str(port), **settings}
        limits = httpx.Limits(keepalive_expiry=2)
        self._client = httpx.Client(base_url=self.url, timeout=60, verify=False, limits=limits)
        self.log = folder / f"{log}-{port}.log"
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [*COMMAND, "serve"], cwd=folder, env=environment(**self.settings), stdout=file, stderr=file
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

    def request(
        self, method: str, path: str, *, account: str | None = None, password: str | None = None, **arguments: Any
    ) -> httpx.Response:
        """Send one request, by one of the accounts where one is named."""
        auth = (account, password or PASSWORDS[f"{account}_password"]) if account else None
        return self._client.request(method, path, auth=auth, **arguments)

    def experiments(self) -> set[str]:
        found = self.post("experiments/search", max_results=100)["experiments"]
        assert isinstance(found, list)
        return {experiment["name"] for experiment in found}

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "check", *arguments]
        return subprocess.run(command, env=environment(**self.settings), capture_output=True, text=True, check=False)

    def log_since(self, start: int) -> str:
        return self.log.read_text()[start:]

    def stop(self) -> float:
        """Send SIGTERM and return the seconds until the server has ended."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - started

    def end(self) -> None:
        self._client.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
