"""The API of 0.2.0 beside today's API and today's pipeline, over one registry.

The API is upgraded before the pipeline. Until it is, it serves what it has, and says why it refuses what is newer.
The answers that 0.2.0 gave to its own versions are held by the API's tests, from a record.
"""

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from mlyard_shared.manifest import verify_folder
from mlyard_shared.registry import Registry, promote

from . import golden
from .apis import Api, ready, running, wait
from .commands import run
from .golden import MODELS, recorded

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
RELEASE = "28842ce"
"""The commit of version 0.2.0."""


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


@pytest.fixture(scope="module")
def stack(registry: Registry, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Champions that 0.2.0 trained, served by both APIs."""
    for model in MODELS:
        register(registry, model, tmp_path_factory.mktemp(model))
    sources = [release / "packages" / package / "src" for package in ("shared", "model_api")]
    with ExitStack() as running_both:
        apis = [
            running_both.enter_context(running(registry.uri, tmp_path_factory.mktemp(name), MODELS, sources=paths))
            for name, paths in (("released", sources), ("today", None))
        ]
        wait(lambda: all(map(ready, apis)))
        yield Stack(registry, *apis)


def register(registry: Registry, model: str, folder: Path) -> None:
    """Put a version that 0.2.0 trained into the registry, as the champion."""
    with zipfile.ZipFile(golden.FOLDER / "contract1" / f"{model}.zip") as packed:
        packed.extractall(folder)
    run = registry.client.create_run(registry.client.create_experiment(model))
    version = registry.register(folder, name=model, run_id=run.info.run_id, gate_report="runs:/1/gate.json")
    promote(registry, model, version.version, actor="a test", reason="0.2.0 trained it")


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
    run(registry.uri, folder, golden.write_spec(folder, model))
    # Whatever the gate said: what matters here is what the APIs do with it.
    promote(registry, model, 2, actor="a test", reason="the newer contract")


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

    wait(lambda: today.serves(model, 2))
    wait(lambda: released.refusal(model, 2))
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
