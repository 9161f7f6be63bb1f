import asyncio
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_model_api.app import create_app
from mlyard_model_api.serving import apart, children, memory, trial
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.settings import Settings
from mlyard_shared.engines import SkopsEngine
from pydantic import SecretStr

from .fake_registry import FakeRegistry
from .serving.watched import poll, watched
from .versions import HOLDS, classifier, write_regressor, write_version

KEY = "a-key-for-the-tests"
Start = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def fitted() -> Any:
    return classifier()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "trials: trials run in processes of their own, as they always do outside of tests"
    )
    config.addinivalue_line("markers", "settles: what is loaded is put out of the garbage collector's sight")
    config.addinivalue_line(
        "markers", "apart: pipelines run in processes of their own, as they always do outside of tests"
    )


@pytest.fixture(autouse=True)
def _quick_trials(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials run in this process: each other one would import scikit-learn anew."""
    if request.node.get_closest_marker("trials") is None:
        run = children.run

        def here(module: str, task: dict[str, Any], **limits: Any) -> Any:
            return trial.work(task) if module == trial.__name__ else run(module, task, **limits)

        monkeypatch.setattr(children, "run", here)


@pytest.fixture(autouse=True)
def _pipelines_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipelines run in this process: each other one would import scikit-learn anew."""
    if request.node.get_closest_marker("apart") is None:
        monkeypatch.setattr(apart, "start", SkopsEngine)


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory, fitted: Any) -> dict[tuple[str, int], tuple[Path, str]]:
    """The versions of `registry`, written once: the folder and the digest of each."""
    folder = tmp_path_factory.mktemp("registered")
    versions = {("penguins", 1): (folder / "p1", write_version(folder / "p1", fitted, onnx=HOLDS))}
    for number in (1, 2, 3):
        own = folder / f"d{number}"
        versions["diabetes", number] = own, write_regressor(own, float(number))
    return versions


@pytest.fixture(autouse=True)
def _unsettled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No load looks for garbage among all that the tests hold, which takes longer than the load."""
    if request.node.get_closest_marker("settles") is None:
        monkeypatch.setattr(memory, "settle", lambda: None)


def registry_of(registered: dict[tuple[str, int], tuple[Path, str]], folder: Path) -> FakeRegistry:
    """A registry of copies of these versions."""
    registry = FakeRegistry()
    for (name, version), (written, digest) in registered.items():
        own = folder / "registered" / written.name
        shutil.copytree(written, own)
        registry.register(name, version, own, digest)
    return registry


@pytest.fixture
def registry(tmp_path: Path, registered: dict[tuple[str, int], tuple[Path, str]]) -> FakeRegistry:
    """Holds version 1 of penguins (with its twin) and versions 1 to 3 of diabetes, which answer 1.0, 2.0 and 3.0."""
    return registry_of(registered, tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache=tmp_path / "cache", api_key=SecretStr(KEY), poll_seconds=0.05)


@pytest.fixture
def start(settings: Settings, registry: FakeRegistry) -> Start:
    """Runs the API: `async with start() as client`; it is ready first unless `ready=False`."""

    @asynccontextmanager
    async def run(*, ready: bool = True, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(settings.model_copy(update=changes), registry=registry)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {KEY}"}
        client = httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)
        async with app.router.lifespan_context(app), client:
            if ready:
                await until(lambda: answers(client, "/health/ready", 200))
            yield client

    return run


async def answers(client: httpx.AsyncClient, path: str, status: int) -> bool:
    return (await client.get(path)).status_code == status


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def serves(client: httpx.AsyncClient, name: str, version: int) -> bool:
    response = await client.get(f"/models/{name}")
    return response.status_code == 200 and response.json()["version"] == version


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path, registry: FakeRegistry) -> dict[str, str]:
    """A filled cache and a registry that is away."""
    return filled(tmp_path / "cache", registry)


def filled(folder: Path, registry: FakeRegistry) -> dict[str, str]:
    """Fill a cache, and return the environment of an API that has it and a registry that is away."""
    cache = Cache(folder)
    cache.prepare()
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)
    poll(watched(cache, registry))
    return os.environ | {
        "MLYARD_MODEL_API_PORT": str(free_port()),
        "MLYARD_MODEL_API_REGISTRY_URI": f"http://127.0.0.1:{free_port()}",
        "MLYARD_MODEL_API_CACHE": str(cache.folder),
        "MLYARD_MODEL_API_API_KEY": KEY,
    }
