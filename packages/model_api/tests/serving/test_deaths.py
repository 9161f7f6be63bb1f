"""A version whose load ends the process is not loaded for ever: the real process, killed in the middle of loads."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.version import Reference

from ..conftest import KEY
from ..fake_registry import FakeRegistry
from ..versions import write_slow
from .watched import poll, watched

COMMAND = [sys.executable, "-m", "mlyard_model_api"]
FOR_EVER = 10**9
"""Turns of a loop that take longer than any test."""


class Api:
    """An API in a process of its own, with a registry that is away."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}, timeout=10, trust_env=False
        )
        self.environment = os.environ | {
            "MLYARD_MODEL_API_PORT": str(port),
            "MLYARD_MODEL_API_REGISTRY_URI": "http://127.0.0.1:9",
            "MLYARD_MODEL_API_CACHE": str(cache.folder),
            "MLYARD_MODEL_API_API_KEY": KEY,
            "MLYARD_MODEL_API_POLL_SECONDS": "0.2",
        }

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen([*COMMAND, "serve"], env=self.environment, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def version(self, name: str) -> int | None:
        found = self.ask(f"/models/{name}")
        return found["version"] if found is not None and "version" in found else None

    def ask(self, path: str) -> Any:
        try:
            return self.client.get(path).json()
        except httpx.TransportError:
            return None

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [*COMMAND, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def marks(self) -> list[Path]:
        return list((self.cache.folder / ".marks" / "diabetes").glob("4-*"))


@pytest.fixture
def api(registry: FakeRegistry, tmp_path: Path) -> Iterator[Api]:
    """What served last: penguins, and a version 4 of diabetes whose load never ends; before it, version 1 served."""
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    for name in ("penguins", "diabetes"):
        registry.promote(name, 1)
    poll(watched(cache, registry))
    folder = tmp_path / "endless"
    endless = Reference(name="diabetes", version=4, digest=write_slow(folder, FOR_EVER))
    shutil.copytree(folder, cache.path(endless))
    known = cache.pointer("diabetes")
    assert known is not None
    cache.point(Pointer(current=endless, previous=known.current))
    api = Api(cache)
    yield api
    api.client.close()


def wait(condition: Callable[[], Any], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_version_that_ends_the_process_twice_is_refused_by_name_and_the_one_before_serves(api: Api) -> None:
    for deaths in (1, 2):
        with api.running() as process:
            wait(lambda deaths=deaths: len(api.marks()) == deaths)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait()
    with api.running():
        wait(lambda: api.version("diabetes") == 1)
        assert api.version("penguins") == 1
        assert api.client.get("/health/ready").status_code == 200
        refused = api.ask("/models/diabetes")["refused"]
        assert refused["version"] == 4
        assert refused["reason"].startswith("the process that loaded it ended 2 times, as when")
        assert refused["reason"].endswith("or run `mlyard-model-api retry diabetes`")
        assert len(api.marks()) == 2
        assert "tried again" in api.command("retry", "diabetes")
        wait(lambda: len(api.marks()) == 1)
        assert api.version("diabetes") == 1, "it serves while the other is tried"


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGINT, id="Ctrl-C", marks=pytest.mark.long),
    ],
)
def test_a_clean_stop_in_the_middle_of_a_load_is_no_death(api: Api, number: signal.Signals) -> None:
    with api.running() as process:
        wait(lambda: len(api.marks()) == 1)
        wait(lambda: api.ask("/health/live") is not None)
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert api.marks() == []


def test_after_one_death_the_other_models_go_first(api: Api) -> None:
    with api.running() as process:
        wait(lambda: len(api.marks()) == 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with api.running():
        wait(lambda: len(api.marks()) == 2)
        assert api.version("penguins") == 1
