"""The API of 0.2.0 beside today's API and today's pipeline, over one registry.

The API is upgraded before the pipeline. Until it is, it serves what it has, and says why it refuses what is newer.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from mlyard_shared.manifest import verify_folder
from mlyard_shared.registry import Registry, promote

from .commands import run

ROOT = Path(__file__).parents[2]
RELEASE = "28842ce"
"""The commit of version 0.2.0."""
GOLDEN = ROOT / "packages/shared/tests/golden"
MODELS = ("mixed", "amount", "again")
KEY = "a-key-for-the-tests"
START_SECONDS = 240


class Api(NamedTuple):
    """An API in a process of its own."""

    client: httpx.Client
    process: subprocess.Popen[bytes]

    def model(self, name: str) -> dict[str, Any]:
        response = self.client.get(f"/models/{name}")
        return response.json() if response.status_code == 200 else {}

    def answer(self, name: str, request: Any) -> tuple[int, Any]:
        """Status and answer but for the ids; of a refusal the places, as its words may have changed."""
        content = json.dumps(request)
        headers = {"Content-Type": "application/json"}
        response = self.client.post(f"/models/{name}/predict", content=content, headers=headers)
        document = response.json()
        if "error" in document:
            problems = document["error"]["problems"]
            return response.status_code, [(told["code"], told["row"], told["column"]) for told in problems]
        return response.status_code, [(row["prediction"], row["probabilities"]) for row in document["predictions"]]


class Stack(NamedTuple):
    """Both APIs, and the registry that they follow."""

    registry: Registry
    released: Api
    today: Api

    def both(self) -> tuple[Api, Api]:
        return self.released, self.today


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of 0.2.0, from the repository's history."""
    command = ["git", "-C", str(ROOT), "archive", RELEASE, "packages/shared/src", "packages/model_api/src"]
    try:
        archive = subprocess.run(command, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip(f"the history of this clone does not reach back to 0.2.0 (commit {RELEASE})")
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


@contextmanager
def running(uri: str, folder: Path, *sources: Path) -> Iterator[Api]:
    """Run an API: the installed one, or that of the sources."""
    port = _unused_port()
    variables = {
        "MLYARD_MODEL_API_PORT": str(port),
        "MLYARD_MODEL_API_REGISTRY_URI": uri,
        "MLYARD_MODEL_API_MODELS": ",".join(MODELS),
        "MLYARD_MODEL_API_CACHE": str(folder / "cache"),
        # Each look costs the registry and the API a tenth of a second of work, while the tests do other things.
        "MLYARD_MODEL_API_POLL_SECONDS": "1.5",
        "MLYARD_MODEL_API_API_KEY": KEY,
        "PYTHONPATH": os.pathsep.join(map(str, sources)),
    }
    command = [sys.executable, "-m", "mlyard_model_api", "serve"]
    headers = {"Authorization": f"Bearer {KEY}"}
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **variables}, cwd=folder, stdout=log, stderr=log)
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30, trust_env=False
            ) as client:
                yield Api(client, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def stack(registry: Registry, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Champions that 0.2.0 trained, served by both APIs."""
    for model in MODELS:
        register(registry, model, tmp_path_factory.mktemp(model))
    sources = [release / "packages" / package / "src" for package in ("shared", "model_api")]
    with ExitStack() as running_both:
        apis = [
            running_both.enter_context(running(registry.uri, tmp_path_factory.mktemp(name), *paths))
            for name, paths in (("released", sources), ("today", []))
        ]
        wait(lambda: all(map(ready, apis)))
        yield Stack(registry, *apis)


def register(registry: Registry, model: str, folder: Path) -> None:
    """Put a version that 0.2.0 trained into the registry, as the champion."""
    with zipfile.ZipFile(GOLDEN / "contract1" / f"{model}.zip") as packed:
        packed.extractall(folder)
    run = registry.client.create_run(registry.client.create_experiment(model))
    version = registry.register(folder, name=model, run_id=run.info.run_id, gate_report="runs:/1/gate.json")
    promote(registry, model, version.version, actor="a test", reason="0.2.0 trained it")


def ready(api: Api) -> bool:
    assert api.process.poll() is None, "the API has ended"
    try:
        return api.client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait(condition: Any, *, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def recorded(model: str) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = json.loads((GOLDEN / "contract1" / f"{model}.answers.json").read_text())["answers"]
    return answers


def test_the_released_api_is_the_one_of_0_2_0(stack: Stack) -> None:
    assert "decision" not in stack.released.model("mixed")
    assert "decision" in stack.today.model("mixed")


@pytest.mark.parametrize("model", MODELS)
def test_both_apis_give_a_version_of_0_2_0_the_same_answers_bit_for_bit(stack: Stack, model: str) -> None:
    released, today = stack.both()
    assert released.model(model)["engine"]["name"] == today.model(model)["engine"]["name"]
    for asked in recorded(model):
        answers = [api.answer(model, asked["request"]) for api in (released, today)]
        assert answers[0] == answers[1], asked["request"]
        assert answers[0][0] == asked["status"]


def train(registry: Registry, folder: Path, model: str) -> None:
    """Train the model again with today's pipeline, and make its version the champion."""
    maker = golden_maker()
    columns = maker.table()
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "spec.toml").write_text(maker.SPECS[model].format(common=maker.COMMON).strip() + "\n", encoding="utf-8")
    run(registry.uri, folder, folder / "spec.toml")
    # Whatever the gate said: what matters here is what the APIs do with it.
    promote(registry, model, 2, actor="a test", reason="the newer contract")


def golden_maker() -> Any:
    """The module that made the golden versions: their specs and their table."""
    spec = spec_from_file_location("make_contract1", GOLDEN / "make_contract1.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", ["mixed", "again"])
def test_a_version_of_todays_pipeline_is_refused_by_the_released_api_which_serves_on(
    stack: Stack, tmp_path: Path, model: str
) -> None:
    released, today = stack.both()
    request = recorded(model)[0]["request"]
    before = released.answer(model, request)
    train(stack.registry, tmp_path, model)
    champion = stack.registry.find(model, "champion")
    assert champion is not None
    assert champion.version == 2
    (tmp_path / "version").mkdir()
    stack.registry.download(champion, tmp_path / "version")
    assert verify_folder(tmp_path / "version", manifest_digest=champion.manifest_sha256).contract == 2

    wait(lambda: today.model(model).get("version") == 2)
    wait(lambda: (released.model(model).get("refused") or {}).get("version") == 2)
    refused = released.model(model)
    assert refused["version"] == 1
    assert refused["refused"]["reason"] == "mlyard.json is of contract version 2; this reader knows 1"
    assert released.answer(model, request) == before
    assert all(ready(api) for api in stack.both())

    served = today.model(model)
    assert served["refused"] is None
    assert served["decision"] is not None
    assert served["inputs"]["encoding"] == "codes"
    # For the forest `again`, in which trees tie, 0.2.0 found no twin.
    assert served["engine"]["name"] == "onnx"
    status, answers = today.answer(model, request)
    assert (status, len(answers)) == (200, len(before[1]))
    # Beside it today's API serves on what 0.2.0 trained.
    assert today.model("amount")["version"] == 1
    assert today.answer("amount", recorded("amount")[0]["request"])[0] == 200
