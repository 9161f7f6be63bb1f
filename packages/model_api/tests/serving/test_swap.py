"""How versions come and go while requests are answered."""

import asyncio
import gc
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.follower import FIRST_RETRY_SECONDS

from ..conftest import Start, answers, serves, until
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN, regressor, rewrite, write_regressor, write_version
from .watched import poll, watched

pytestmark = pytest.mark.anyio
PREDICT = "/models/diabetes/predict"


async def predicted(client: httpx.AsyncClient) -> tuple[int, set[float]]:
    response = await client.post(PREDICT, json={"columns": {"a": [1.0] * 20}})
    assert response.status_code == 200, response.text
    answer = response.json()
    return answer["version"], {row["prediction"] for row in answer["predictions"]}


async def refused(client: httpx.AsyncClient, version: int) -> bool:
    found = (await client.get("/models/diabetes")).json()["refused"]
    return found is not None and found["version"] == version


@pytest.mark.settles
async def test_no_answer_mixes_versions_while_they_are_swapped(start: Start, registry: FakeRegistry) -> None:
    registry.promote("diabetes", 1)
    seen: set[int] = set()
    gc.unfreeze()
    async with start() as client:
        stop = asyncio.Event()

        async def ask() -> None:
            while not stop.is_set():
                version, values = await predicted(client)
                assert values == {float(version)}
                seen.add(version)

        asking = [asyncio.create_task(ask()) for _ in range(8)]
        for version in (2, 3, 1, 2, 3):
            registry.promote("diabetes", version)
            await until(lambda version=version: serves(client, "diabetes", version))  # type: ignore[misc]
        stop.set()
        await asyncio.gather(*asking)
    assert seen == {1, 2, 3}
    assert gc.get_freeze_count(), "to look for garbage among all that serves would stop the process"


async def test_a_request_is_answered_while_the_next_version_arrives(start: Start, registry: FakeRegistry) -> None:
    registry.promote("diabetes", 1)
    async with start() as client:
        registry.gate.clear()
        registry.promote("diabetes", 2)
        await asyncio.sleep(0.2)
        assert await predicted(client) == (1, {1.0})
        registry.gate.set()
        await until(lambda: serves(client, "diabetes", 2))


async def test_the_version_before_comes_back_without_a_download(start: Start, registry: FakeRegistry) -> None:
    registry.promote("diabetes", 1)
    async with start() as client:
        registry.promote("diabetes", 2)
        await until(lambda: serves(client, "diabetes", 2))
        shutil.rmtree(registry.folders["diabetes", 1])
        registry.promote("diabetes", 1)
        await until(lambda: serves(client, "diabetes", 1))
        assert await predicted(client) == (1, {1.0})
    assert registry.downloads == [1, 2]


FILES = ["mlyard.json", "model.skops", "model.onnx", "MLmodel"]


@pytest.mark.parametrize("file", FILES)
async def test_a_version_with_a_changed_file_is_refused_and_the_old_one_stays(
    start: Start, registry: FakeRegistry, tmp_path: Path, fitted: Any, file: str
) -> None:
    registry.promote("penguins", 1)
    folder = tmp_path / "second"
    shutil.copytree(registry.folders["penguins", 1], folder)
    registry.register("penguins", 2, folder, registry.versions["penguins", 1].manifest_sha256)
    (folder / file).write_bytes((folder / file).read_bytes() + b"\n")
    async with start() as client:
        registry.promote("penguins", 2)
        await until(lambda: _refused_file(client, file))
        response = await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})
        assert (response.status_code, response.json()["version"]) == (200, 1)
        assert await answers(client, "/health/ready", 200)


async def _refused_file(client: httpx.AsyncClient, file: str) -> bool:
    found = (await client.get("/models/penguins")).json()["refused"]
    return found is not None and found["version"] == 2 and file in found["reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"model": "other"}, "of the model other", id="another model's files"),
        pytest.param({"packages": {"scikit-learn": "0.1.2"}}, "scikit-learn 0.1.2", id="another scikit-learn"),
        pytest.param({"packages": {}}, "scikit-learn none", id="unknown scikit-learn"),
        pytest.param({"task": "classification"}, "not one of its classes", id="no class as answer"),
    ],
)
async def test_a_version_that_cannot_run_is_refused_with_the_reason(
    start: Start, registry: FakeRegistry, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    registry.promote("diabetes", 1)
    digest = write_regressor(tmp_path / "bad", 4.0, **changes)
    registry.register("diabetes", 4, tmp_path / "bad", digest)
    async with start() as client:
        registry.promote("diabetes", 4)
        await until(lambda: refused(client, 4))
        assert reason in (await client.get("/models/diabetes")).json()["refused"]["reason"]
        assert await predicted(client) == (1, {1.0})


SKOPS = {"kind": "skops", "file": "model.skops", "whole": True}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"contract": 3}, "is of contract version 3; this reader knows 1 and 2", id="contract"),
        pytest.param({"grammar": 3}, "mlyard.json: grammar:", id="grammar"),
        pytest.param({"inputs": {"encoding": "hashes"}}, "mlyard.json: inputs.encoding:", id="encoding"),
        pytest.param({"inputs": {"precision": "float16"}}, "mlyard.json: inputs.precision:", id="precision"),
        pytest.param({"decision": {"kind": "lottery"}}, "mlyard.json: decision.kind:", id="decision"),
        pytest.param({"engines": [SKOPS | {"kind": "pickle"}]}, "mlyard.json: engines.0.kind:", id="engine"),
        pytest.param({"engines": [SKOPS | {"device": "gpu"}]}, "mlyard.json: engines.0.device:", id="engine's fact"),
        pytest.param({"engines": [SKOPS | {"file": "a.skops"}]}, "a.skops is named and not", id="engine's file"),
        pytest.param({"target_transform": {"kind": "cubic"}}, "mlyard.json: target_transform.kind:", id="transform"),
        pytest.param({"declarations": [{"kind": "lag"}]}, "features of the kind 'lag'", id="declared feature"),
        pytest.param({"monotonic": ["a"]}, "mlyard.json: monotonic:", id="key"),
    ],
)
async def test_a_version_that_declares_what_is_unknown_is_refused_and_the_old_one_serves_on(
    start: Start, registry: FakeRegistry, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    registry.promote("diabetes", 1)
    write_regressor(tmp_path / "newer", 4.0)
    registry.register("diabetes", 4, tmp_path / "newer", rewrite(tmp_path / "newer", **changes))
    async with start() as client:
        registry.promote("diabetes", 4)
        await until(lambda: refused(client, 4))
        told = (await client.get("/models/diabetes")).json()["refused"]["reason"]
        assert reason in told
        assert "Value error" not in told
        assert await predicted(client) == (1, {1.0})


async def test_a_version_without_a_finite_answer_for_its_example_is_refused(
    start: Start, registry: FakeRegistry, tmp_path: Path
) -> None:
    pipeline = regressor(1.0)
    pipeline[-1].constant_[:] = float("nan")
    digest = write_version(tmp_path / "nan", pipeline, name="penguins", classes=())
    registry.register("penguins", 2, tmp_path / "nan", digest)
    registry.promote("penguins", 2)
    async with start(ready=False) as client:
        await until(lambda: _not_ready(client, "no finite answer"))
        assert await answers(client, "/models/penguins", 503)


async def _not_ready(client: httpx.AsyncClient, reason: str) -> bool:
    response = await client.get("/health/ready")
    return response.status_code == 503 and any(reason in text for text in response.json()["reasons"])


async def test_a_version_whose_files_are_lost_is_refused_and_delays_no_other_model(
    start: Start, registry: FakeRegistry
) -> None:
    registry.promote("diabetes", 1)
    registry.promote("penguins", 1)
    async with start() as client:
        shutil.rmtree(registry.folders["diabetes", 2])
        registry.promote("diabetes", 2)
        shutil.copytree(registry.folders["penguins", 1], registry.folders["penguins", 1].with_name("p2"))
        digest = registry.versions["penguins", 1].manifest_sha256
        registry.register("penguins", 2, registry.folders["penguins", 1].with_name("p2"), digest)
        registry.promote("penguins", 2)
        await until(lambda: serves(client, "penguins", 2))
        await until(lambda: refused(client, 2))
        told = (await client.get("/models/diabetes")).json()["refused"]["reason"]
        assert told == "the registry at http://registry has lost the files of diabetes version 2"
        assert await predicted(client) == (1, {1.0})
        assert await answers(client, "/health/ready", 200)


async def test_a_version_that_mlyard_did_not_register_is_refused(start: Start, registry: FakeRegistry) -> None:
    registry.register("foreign", 1, Path("nowhere"), "")
    registry.promote("foreign", 1)
    async with start(ready=False) as client:
        await until(lambda: _not_ready(client, "foreign: version 1 was refused"))
    assert registry.downloads == []


def test_a_refused_version_is_tried_again_after_a_growing_time(registry: FakeRegistry, tmp_path: Path) -> None:
    now = 0.0
    registry.promote("diabetes", 2)
    (registry.folders["diabetes", 2] / "MLmodel").write_text("changed")
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    watch = watched(cache, registry, clock=lambda: now)
    tries = []
    for second in range(0, int(FIRST_RETRY_SECONDS * 8), 10):
        now = float(second)
        before = len(registry.downloads)
        poll(watch)
        tries += [second] * (len(registry.downloads) - before)
    assert tries == [0, 60, 180, 420]


def test_another_champion_is_tried_at_once_after_a_refusal(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.promote("diabetes", 2)
    (registry.folders["diabetes", 2] / "MLmodel").write_text("changed")
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    watch = watched(cache, registry, clock=lambda: 0.0)
    poll(watch)
    registry.promote("diabetes", 3)
    served, slot = poll(watch).serving("diabetes")
    assert (served.reference.version, slot.refused) == (3, None)


def test_a_registry_that_is_away_is_no_refusal_and_logged_once(
    registry: FakeRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    registry.promote("diabetes", 1)
    watch = watched(cache, registry)
    models = poll(watch)
    registry.away = True
    with caplog.at_level("INFO"):
        for _ in range(5):
            poll(watch)
        registry.away = False
        poll(watch)
    assert [record.message for record in caplog.records] == [
        "no answer from the registry at http://registry: it is away; serving what is here",
        "the registry answers",
    ]
    assert models.slot("diabetes").refused is None


async def test_a_version_whose_download_broke_off_is_fetched_when_the_registry_is_back(
    start: Start, registry: FakeRegistry
) -> None:
    registry.promote("diabetes", 1)
    async with start() as client:
        registry.gate.clear()
        registry.promote("diabetes", 2)
        await asyncio.sleep(0.2)
        registry.away = True
        registry.gate.set()
        await until(lambda: refused(client, 2))
        assert await predicted(client) == (1, {1.0})
        await asyncio.sleep(0.1)
        registry.away = False
        await until(lambda: serves(client, "diabetes", 2))


async def test_a_model_without_a_champion_is_not_served_any_more(
    start: Start, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.promote("diabetes", 1)
    registry.promote("penguins", 1)
    async with start() as client:
        del registry.champions["diabetes"]
        await until(lambda: answers(client, "/models/diabetes", 404))
        await until(lambda: answers(client, "/health/ready", 200))
        answer = await client.post(PREDICT, json={"columns": {"a": [1]}})
        assert answer.json()["error"]["message"] == "no such model; served are: penguins"
        registry.promote("diabetes", 1)
        await until(lambda: serves(client, "diabetes", 1))
    assert registry.downloads.count(1) == 2
