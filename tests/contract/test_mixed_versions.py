"""Mixed versions, side by side over one real registry: releases, installed from their wheels, and what is here.

Each pair of a pipeline that writes and an API that reads is run: those whose contracts overlap answer alike, and
outside of the overlap an API refuses, says why, and serves on.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from mlyard_release import installed, releases
from mlyard_shared.manifest import CONTRACT_VERSION, MANIFEST_FILE, file_digest
from mlyard_shared.registry import Registry, promote

from . import golden
from .apis import Api, answers, running, wait
from .commands import run, variables

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
FIRST = "0.2.0"
"""It knows contract 1 alone."""
OLDER = "MODEL_VERSION_CONTRACT"
MODELS = {"linear": "mixed", "boosted": "amount", "forest": "again", "labels": "mixed", "released": "mixed"}
"""The models of these tests, and the golden spec that each is trained by."""


def newest(package: str) -> str:
    """The last release of a package that this clone knows."""
    try:
        return max([FIRST, *releases.versions(package, root=ROOT)], key=releases.number)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return FIRST


PACKAGES = ("model_api", "training_pipeline")
RELEASES = dict.fromkeys([(FIRST, FIRST), tuple(newest(package) for package in PACKAGES)])
"""The releases of the API and of the pipeline that are run beside today's: the first one, and the last ones."""


def named(model: str, versions: tuple[str, ...]) -> str:
    return f"{model}-{'-'.join(versions).replace('.', '-')}"


class Stack(NamedTuple):
    """Both APIs over one registry, the interpreters of what is released, and the contract that its API knows."""

    registry: Registry
    released: Api
    today: Api
    pipeline: Path
    versions: tuple[str, ...]
    contract: int

    def name(self, model: str) -> str:
        """What a model is called beside these releases."""
        return named(model, self.versions)

    def both(self) -> tuple[Api, Api]:
        return self.released, self.today

    def manifest(self, model: str, folder: Path) -> dict[str, object]:
        """The champion's manifest as it lies in the registry, with all of its files in a folder."""
        champion = self.registry.find(self.name(model), "champion")
        assert champion is not None
        self.registry.download(champion, folder)
        document: dict[str, object] = json.loads((folder / MANIFEST_FILE).read_text())
        return document


@pytest.fixture(scope="module", params=RELEASES, ids=lambda versions: f"api {versions[0]} pipeline {versions[1]}")
def stack(
    request: pytest.FixtureRequest, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The environments of the releases are kept with pytest's cache."""
    assert request.config.cache is not None
    kept = Path(request.config.cache.mkdir("released"))
    try:
        pythons = [installed.environment(*one, kept) for one in zip(PACKAGES, request.param, strict=True)]
    except releases.NotReleased as error:
        pytest.skip(str(error))
    contract = int(say(pythons[0], "import mlyard_shared.manifest as m; print(m.CONTRACT_VERSION)"))
    names, uri = [named(model, request.param) for model in MODELS], registry.uri
    with ExitStack() as apis:
        folders = [tmp_path_factory.mktemp(name) for name in ("released", "today")]
        released = apis.enter_context(running(uri, folders[0], names, python=pythons[0], sources=()))
        today = apis.enter_context(running(uri, folders[1], names))
        yield Stack(registry, released, today, pythons[1], request.param, contract)


def say(python: Path, script: str) -> str:
    """What a script says in an environment of a release."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([python, "-c", script], env=own, capture_output=True, text=True, check=True).stdout.strip()


def spec_of(stack: Stack, folder: Path, model: str) -> Path:
    """A model's spec; `labels` gives no probabilities, so that scikit-learn itself has to serve it."""
    file = golden.write_spec(folder, MODELS[model], stack.name(model))
    if model == "labels":
        text = file.read_text().replace("LogisticRegression", "RidgeClassifier")
        file.write_text(text.replace("parameters = { max_iter = 2000 }\n", ""))
    return file


def train_by_the_release(stack: Stack, folder: Path, model: str) -> None:
    """The released pipeline's own command, in its own environment."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    settings = variables(stack.registry.uri, folder / "state") | {"MLFLOW_TRACKING_URI": stack.registry.uri}
    command = [str(stack.pipeline), "-m", "mlyard_training_pipeline", "run", str(spec_of(stack, folder, model))]
    ended = subprocess.run(command, env=own | settings, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def promote_newest(stack: Stack, model: str, version: int) -> None:
    """Whatever the gate said: what matters here is what the APIs do with it."""
    champion = stack.registry.find(stack.name(model), "champion")
    if champion is None or champion.version != version:
        promote(stack.registry, stack.name(model), version, actor="a test", reason="it is the one to read")


def answers_alike(stack: Stack, model: str, *, contract: int = 1) -> None:
    """All requests that were recorded for the model's spec, to both APIs; 0.2.0 recorded them by contract 1."""
    for asked in golden.recorded(MODELS[model]):
        released, today = (api.answer(stack.name(model), asked["request"]) for api in stack.both())
        assert released == today, asked["request"]
        assert contract != 1 or today[0] == asked["status"], asked["request"]


def test_the_released_api_and_pipeline_are_installed_from_their_wheels(stack: Stack) -> None:
    script = "import mlyard_training_pipeline as m, importlib.metadata as i; print(m.__file__, i.version(m.__name__))"
    said = say(stack.pipeline, script)
    assert "site-packages" in said
    assert said.endswith(f" {stack.versions[1]}")
    wait(lambda: answers(stack.released))
    assert stack.released.client.get("/openapi.json").json()["info"]["version"] == stack.versions[0]


@pytest.mark.parametrize("model", ["linear", "boosted", "forest", "labels"])
def test_what_todays_pipeline_writes_by_the_contract_before_is_served_alike_by_both(
    stack: Stack, tmp_path: Path, model: str
) -> None:
    run(stack.registry.uri, tmp_path, spec_of(stack, tmp_path, model), **{OLDER: "1"})
    promote_newest(stack, model, 1)
    assert stack.manifest(model, tmp_path / "version")["contract"] == 1
    wait(lambda: all(api.serves(stack.name(model), 1) for api in stack.both()))
    engines = {api.model(stack.name(model))["engine"]["name"] for api in stack.both()}
    assert engines == {"skops" if model == "labels" else "onnx"}
    answers_alike(stack, model)


def test_what_the_released_pipeline_writes_is_served_alike_by_both(stack: Stack, tmp_path: Path) -> None:
    train_by_the_release(stack, tmp_path, "released")
    promote_newest(stack, "released", 1)
    assert stack.manifest("released", tmp_path / "version")["contract"] == stack.contract
    wait(lambda: all(api.serves(stack.name("released"), 1) for api in stack.both()))
    answers_alike(stack, "released", contract=stack.contract)


def test_todays_pipeline_judges_the_released_ones_champion_and_writes_what_both_serve(
    stack: Stack, tmp_path: Path
) -> None:
    """The pipeline is upgraded before the API, after the test before."""
    said = run(stack.registry.uri, tmp_path, spec_of(stack, tmp_path, "released"), **{OLDER: str(stack.contract)})
    assert re.search("gate .*champion 1", said), said
    assert "cannot be compared" not in said, said
    promote_newest(stack, "released", 2)
    wait(lambda: all(api.serves(stack.name("released"), 2) for api in stack.both()))
    answers_alike(stack, "released", contract=stack.contract)


def test_what_todays_pipeline_writes_is_served_alike_or_refused_by_an_api_that_serves_on(
    stack: Stack, tmp_path: Path
) -> None:
    model, request = stack.name("linear"), golden.recorded("mixed")[0]["request"]
    before = stack.released.answer(model, request)
    run(stack.registry.uri, tmp_path, spec_of(stack, tmp_path, "linear"))
    promote_newest(stack, "linear", 2)
    wait(lambda: stack.today.serves(model, 2))
    assert stack.today.answer(model, request)[0] == 200
    if stack.contract == CONTRACT_VERSION:
        wait(lambda: stack.released.serves(model, 2))
        answers_alike(stack, "linear", contract=CONTRACT_VERSION)
        return
    wait(lambda: stack.released.refusal(model, 2))
    assert stack.released.refusal(model, 2) == "mlyard.json is of contract version 2; this reader knows 1"
    assert stack.released.serves(model, 1)
    assert stack.released.answer(model, request) == before


def test_a_contract_that_nobody_knows_yet_is_refused_by_both_which_serve_on(stack: Stack, tmp_path: Path) -> None:
    request = golden.recorded("again")[0]["request"]
    before = [api.answer(stack.name("forest"), request) for api in stack.both()]
    files = tmp_path / "version"
    document = stack.manifest("forest", files)
    packages = document["packages"]
    assert isinstance(packages, dict)
    document |= {"contract": 3, "packages": packages | {"mlyard-shared": "0.9.0"}}
    (files / MANIFEST_FILE).write_text(json.dumps(document))
    mlflow = stack.registry.client
    training = mlflow.create_run(mlflow.get_run(str(document["run_id"])).info.experiment_id).info.run_id
    made = stack.registry.register(
        files, name=stack.name("forest"), run_id=training, gate_report=f"runs:/{training}/gate.json"
    )
    assert made.manifest_sha256 == file_digest(files / MANIFEST_FILE)
    promote_newest(stack, "forest", made.version)
    model = stack.name("forest")
    wait(lambda: all(api.refusal(model, made.version) for api in stack.both()))
    says = "mlyard.json is of contract version 3; this reader knows 1"
    if stack.contract == 1:
        assert stack.released.refusal(model, made.version) == says
    assert stack.today.refusal(model, made.version) == (
        f"{says} and 2: mlyard-shared 0.9.0, which wrote it, reads its key contract"
    )
    assert [api.answer(model, request) for api in stack.both()] == before
    assert all(api.serves(model, 1) for api in stack.both())
