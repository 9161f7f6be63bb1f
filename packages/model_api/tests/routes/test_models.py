from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_shared.schema import Schema

from ..conftest import Start, answers, serves, until
from ..fake_registry import FakeRegistry
from ..versions import PENGUINS, write_full_version

pytestmark = pytest.mark.anyio


async def test_a_model_tells_what_it_takes_and_where_it_comes_from(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        model = (await client.get("/models/penguins")).json()
    assert (model["name"], model["version"], model["alias"]) == ("penguins", 1, "champion")
    assert Schema.model_validate(model["schema"]) == PENGUINS
    assert model["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert model["metrics"] == {"accuracy": 0.9}
    assert model["trained_at"] == "2026-01-02T03:04:05Z"
    assert model["snapshot"]["run_id"] == "snapshot-run"
    assert model["engine"] == {"name": "onnx", "reason": "the ONNX twin's answers match on 40 holdout rows"}
    assert model["refused"] is None
    assert model["loaded_at"] > model["trained_at"]


async def test_the_list_has_every_served_model(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 2)
    async with start() as client:
        models = (await client.get("/models")).json()["models"]
    assert [(model["name"], model["version"], model["engine"]) for model in models] == [
        ("diabetes", 2, "skops"),
        ("penguins", 1, "onnx"),
    ]


async def test_the_api_lives_before_it_is_ready(start: Start, registry: FakeRegistry) -> None:
    registry.away = True
    async with start(ready=False) as client:
        assert await answers(client, "/health/live", 200)
        await until(lambda: answers(client, "/health/ready", 503))
        waiting = await client.get("/models/penguins")
        assert waiting.status_code == 503
        assert waiting.headers["Retry-After"] == "1"
        registry.away = False
        registry.promote("penguins", 1)
        await until(lambda: answers(client, "/health/ready", 200))


async def test_without_a_champion_nothing_is_ready(start: Start, registry: FakeRegistry) -> None:
    async with start(ready=False) as client:
        while registry.polls < 3:
            await answers(client, "/health/live", 200)
        response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reasons": ["no model has a champion"]}


async def test_every_configured_model_must_be_served(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start(ready=False, models=("diabetes", "penguins")) as client:
        await until(lambda: answers(client, "/models/penguins", 200))
        response = await client.get("/health/ready")
        assert response.json()["reasons"] == ["diabetes: it has no champion that is loaded yet"]
        registry.promote("diabetes", 1)
        await until(lambda: answers(client, "/health/ready", 200))


async def test_only_configured_models_are_served(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)
    async with start(models=("diabetes",)) as client:
        assert await answers(client, "/models/penguins", 404)


async def test_a_refused_newcomer_does_not_make_the_served_models_unready(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        (registry.folders["diabetes", 1] / "MLmodel").unlink()
        registry.promote("diabetes", 1)
        await until(lambda: _refused(client))
        assert await answers(client, "/health/ready", 200)


async def _refused(client: httpx.AsyncClient) -> bool:
    response = await client.get("/models/diabetes")
    reason = "version 1 was refused: MLmodel is missing"
    return response.status_code == 503 and response.json()["error"]["message"] == reason


async def test_the_versions_of_a_model_are_those_in_memory_and_those_refused(
    start: Start, registry: FakeRegistry
) -> None:
    registry.promote("diabetes", 1)
    async with start() as client:
        registry.promote("diabetes", 2)
        await until(lambda: serves(client, "diabetes", 2))
        (registry.folders["diabetes", 3] / "MLmodel").unlink()
        registry.promote("diabetes", 3)

        async def refused() -> bool:
            return bool((await client.get("/models/diabetes/versions")).json()["refused"])

        await until(refused)
        found = (await client.get("/models/diabetes/versions")).json()
        unknown = await client.get("/models/penguins/versions")
    assert found["model"] == "diabetes"
    assert [(version["version"], version["aliases"]) for version in found["versions"]] == [
        (2, ["champion"]),
        (1, ["previous"]),
    ]
    assert found["versions"][0]["digest"] == registry.versions["diabetes", 2].manifest_sha256
    assert found["versions"][0]["engine"]["name"] == "skops"
    [refusal] = found["refused"]
    assert (refusal["version"], refusal["reason"]) == (3, "MLmodel is missing")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_unknown")


async def test_a_model_of_which_all_was_refused_tells_why(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        (registry.folders["diabetes", 1] / "MLmodel").unlink()
        registry.promote("diabetes", 1)
        await until(lambda: _refused(client))
        found = (await client.get("/models/diabetes/versions")).json()
    assert found["versions"] == []
    assert found["refused"][0]["reason"] == "MLmodel is missing"


async def test_a_model_tells_all_that_contract_2_can_hold(
    start: Start, registry: FakeRegistry, fitted: Any, tmp_path: Path
) -> None:
    registry.register("penguins", 2, tmp_path / "full", write_full_version(tmp_path / "full", fitted))
    registry.promote("penguins", 2)
    async with start() as client:
        model = (await client.get("/models/penguins")).json()
        versions = (await client.get("/models/penguins/versions")).json()["versions"]
    assert model["contract"] == 2
    assert model["decision"]["kind"] == versions[0]["decision"]["kind"] == "costs"
    assert model["latency"] == versions[0]["latency"]
    assert model["latency"][0] == {"engine": "onnx", "rows": 1, "milliseconds": 0.1}
    assert model["budgets"] == {"latency_ms": 5.0, "size_bytes": 1_000_000}
    assert model["conformal"]["quantiles"] == [{"level": 0.9, "value": 0.4}]
