"""What the pipeline registers, the API serves: both for real, with a real MLflow server between them."""

import asyncio
import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from mlyard_model_api.app import create_app
from mlyard_model_api.serving.assembly import assemble
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.models import Models
from mlyard_model_api.settings import Settings
from mlyard_shared import decision, features
from mlyard_shared.manifest import MANIFEST_FILE, Manifest
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.registry import ModelVersion, Registry, Standing, standing
from pydantic import SecretStr

from .commands import PENGUINS, Trained, train

KEY = "a-key-for-the-tests"
WITHOUT_TWIN = """
[[candidates]]
name = "support-vectors"
estimator = "sklearn.svm.SVC"
"""


@pytest.fixture
def with_twin(penguins: Trained) -> Trained:
    return penguins


@pytest.fixture(scope="module")
def without_twin(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(registry, tmp_path_factory.mktemp("without-twin"), "without-twin", WITHOUT_TWIN)


def rows(manifest: Manifest, count: int) -> list[dict[str, Any]]:
    """Rows of the real table, as a client would send them: missing values are null."""
    convert: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "category": str}
    with (PENGUINS / "penguins.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))[:count]
    columns = manifest.input_schema.columns
    return [
        {c.name: convert[c.type](row[c.name]) if row[c.name] not in ("", "NA") else None for c in columns}
        for row in table
    ]


def expected(trained: Trained, sent: list[dict[str, Any]]) -> list[Any]:
    """What scikit-learn's pipeline itself predicts, by the version's decision where it gives probabilities."""
    manifest = trained.manifest
    columns: dict[str, features.Array] = {}
    for column in manifest.input_schema.columns:
        values = [row[column.name] for row in sent]
        columns[column.name] = np.array(values, dtype=object if column.type == "category" else np.float64)
    matrix = features.matrix(columns, manifest.input_schema, manifest.inputs)
    pipeline = load_pipeline(trained.files / "model.skops")
    assert (manifest.decision is not None) == hasattr(pipeline, "predict_proba")
    if manifest.decision is None:
        return [manifest.classes[index] for index in pipeline.predict(matrix)]
    labels = decision.labels(pipeline.predict_proba(matrix), manifest.decision)
    return [manifest.classes[index] for index in labels]


async def ask(uri: str, trained: Trained, cache: Path, sent: list[dict[str, Any]]) -> tuple[Any, Any]:
    """What the API says of the model, and what it predicts."""
    settings = Settings(registry_uri=uri, cache=cache, models=(trained.name,), api_key=SecretStr(KEY))
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {KEY}"}
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)
    async with app.router.lifespan_context(app), client:
        deadline = time.monotonic() + 60
        while (ready := await client.get("/health/ready")).status_code != 200:
            assert time.monotonic() < deadline, ready.text
            await asyncio.sleep(0.1)
        model = (await client.get(f"/models/{trained.name}")).json()
        answer = await client.post(f"/models/{trained.name}/predict", json={"rows": sent})
        assert answer.status_code == 200, answer.text
        return model, answer.json()


@pytest.mark.parametrize(
    ("fixture", "engine"),
    [("with_twin", "onnx"), pytest.param("without_twin", "skops", marks=pytest.mark.long)],
)
def test_a_version_of_the_pipeline_answers_as_scikit_learn_does(
    registry: Registry, request: pytest.FixtureRequest, tmp_path: Path, fixture: str, engine: str
) -> None:
    trained: Trained = request.getfixturevalue(fixture)
    sent = rows(trained.manifest, 50)
    assert any(value is None for row in sent for value in row.values())
    model, answer = asyncio.run(ask(registry.uri, trained, tmp_path / "cache", sent))
    assert model["engine"]["name"] == engine
    assert [row["prediction"] for row in answer["predictions"]] == expected(trained, sent)


@pytest.mark.long
def test_it_serves_from_its_cache_when_the_registry_is_gone(
    registry: Registry, with_twin: Trained, tmp_path: Path
) -> None:
    sent = rows(with_twin.manifest, 5)
    _, before = asyncio.run(ask(registry.uri, with_twin, tmp_path / "cache", sent))
    _, after = asyncio.run(ask("http://127.0.0.1:9", with_twin, tmp_path / "cache", sent))
    assert [row["prediction"] for row in after["predictions"]] == [row["prediction"] for row in before["predictions"]]


@contextmanager
def changed(file: Path) -> Iterator[None]:
    """A file with one more byte, for as long as the block runs."""
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    yield
    file.write_bytes(content)


def test_a_version_with_any_file_tampered_with_is_refused(
    registry: Registry, with_twin: Trained, mlflow_state: Path, tmp_path: Path
) -> None:
    champion = registry.find(with_twin.name, "champion")
    assert champion is not None
    location = registry.client.get_model_version_download_uri(champion.name, str(champion.version))
    stored = mlflow_state / "artifacts" / location.removeprefix("mlflow-artifacts:/")
    names = [MANIFEST_FILE, *with_twin.manifest.files]
    assert sorted(names) == sorted(str(f.relative_to(stored)) for f in stored.rglob("*") if f.is_file())
    assert len(names) >= 6
    for name in names:
        with changed(stored / name):
            refused = refusal(registry, with_twin.name, tmp_path / name.replace("/", "-"))
        assert name in refused
        assert "SHA-256" in refused
    added = stored / "more.txt"
    added.write_text("more")
    assert "more.txt was not registered" in refusal(registry, with_twin.name, tmp_path / "added")
    added.unlink()
    (stored / "model.onnx").rename(stored.parent / "model.onnx")
    assert "model.onnx is missing" in refusal(registry, with_twin.name, tmp_path / "removed")
    (stored.parent / "model.onnx").rename(stored / "model.onnx")


class InThisProcess:
    """The registry as the API asks it, but for a process for each download."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.served_models, self.find = registry.served_models, registry.find

    def standing(self, name: str) -> Standing:
        return standing(self._registry, name)

    def download(self, version: ModelVersion, folder: Path, *, is_wanted: Callable[[], bool]) -> None:
        self._registry.download(version, folder)


def refusal(registry: Registry, name: str, folder: Path) -> str:
    """Why an API with an empty cache does not serve a model."""
    cache = Cache(folder)
    cache.prepare()
    models = Models((name,))
    settings = Settings(cache=folder, models=(name,))
    watch = assemble(settings, models, cache, registry=lambda: InThisProcess(registry))
    watch.poll()
    watch.followers.of(name).step()
    slot = models.slot(name)
    assert slot.current is None
    assert slot.refused is not None
    return slot.refused.reason
