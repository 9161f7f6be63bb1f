"""The real MLflow server, for every test of what one service writes and another reads."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_shared.registry import Registry

from .commands import Trained, train
from .passage import Passage

START_SECONDS = 120
SHARERS = ("test_serving.py", "test_training_run.py")
"""Files whose tests share a training."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one worker of pytest-xdist run all that uses the shared training."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    scheduler = LoadFileScheduling(config, log)
    by_file = scheduler._split_scope
    scheduler._split_scope = lambda test: "penguins" if Path(by_file(test)).name in SHARERS else by_file(test)
    return scheduler


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_mlflow_server(state: Path, port: int, **settings: str) -> Iterator[str]:
    """Run `mlyard-mlflow-server serve` on this port with its state in this folder, and yield its URI."""
    command = [str(Path(sys.executable).with_name("mlyard-mlflow-server")), "serve"]
    environment = {
        **os.environ,
        "MLYARD_MLFLOW_SERVER_PORT": str(port),
        "MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI": f"sqlite:///{state / 'mlflow.db'}",
        "MLYARD_MLFLOW_SERVER_ARTIFACT_ROOT": str(state / "artifacts"),
        **settings,
    }
    log = state / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=state, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            uri = f"http://127.0.0.1:{port}"
            _wait_until_healthy(uri, process, log)
            yield uri
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _wait_until_healthy(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{uri}/health", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the MLflow server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def mlflow_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's database and artifacts."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def mlflow_server(mlflow_state: Path) -> Iterator[str]:
    """The URI of one server for all tests: each uses a model name of its own."""
    with running_mlflow_server(mlflow_state, unused_port()) as uri:
        yield uri


@pytest.fixture(scope="session")
def registry(mlflow_server: str) -> Registry:
    return Registry(mlflow_server)


@pytest.fixture(scope="session")
def penguins(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The penguins as the pipeline's command trained them: a champion with a twin, which stays the champion."""
    return train(registry, tmp_path_factory.mktemp("penguins"), "penguins")


@pytest.fixture
def passage(mlflow_server: str) -> Iterator[Passage]:
    """A way to the server, for tests in which it is away for a while."""
    passage = Passage(int(mlflow_server.rpartition(":")[2]))
    try:
        yield passage
    finally:
        passage.close()


@pytest.fixture
def run_mlflow_server() -> Callable[[Path, int], AbstractContextManager[str]]:
    """For tests that stop and start a server of their own."""
    return running_mlflow_server


@pytest.fixture
def free_port() -> int:
    return unused_port()
