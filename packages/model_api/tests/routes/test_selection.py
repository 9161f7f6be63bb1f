"""Which model and which version a request means."""

from functools import partial

import httpx
import pytest

from ..conftest import Start, serves, until
from ..fake_registry import FakeRegistry

pytestmark = pytest.mark.anyio
LINE = {"columns": {"a": [1]}}


async def answered(client: httpx.AsyncClient, address: str) -> tuple[int, object]:
    response = await client.post(address, json=LINE)
    answer = response.json()
    return response.status_code, answer.get("version") or answer["error"]["code"]


@pytest.fixture
def diabetes(registry: FakeRegistry) -> FakeRegistry:
    registry.promote("diabetes", 1)
    return registry


async def test_the_only_model_that_is_served_is_the_default(start: Start, diabetes: FakeRegistry) -> None:
    async with start() as client:
        assert await answered(client, "/predict") == (200, 1)


async def test_of_several_models_the_configured_one_is_the_default(start: Start, diabetes: FakeRegistry) -> None:
    diabetes.promote("penguins", 1)
    async with start() as client:
        assert await answered(client, "/predict") == (404, "no_default_model")
    async with start(default_model="diabetes") as client:
        assert await answered(client, "/predict") == (200, 1)
    async with start(default_model="unheard-of") as client:
        assert await answered(client, "/predict") == (404, "model_unknown")


async def test_a_version_that_is_loaded_can_be_asked_for(start: Start, diabetes: FakeRegistry) -> None:
    path = "/models/diabetes/predict"
    async with start() as client:
        assert await answered(client, f"{path}?alias=previous") == (404, "version_unknown")
        diabetes.promote("diabetes", 2)
        await until(partial(serves, client, "diabetes", 2))
        for query, found in (
            ("", (200, 2)),
            ("?version=1", (200, 1)),
            ("?version=2", (200, 2)),
            ("?alias=champion", (200, 2)),
            ("?alias=previous", (200, 1)),
            ("?version=3", (404, "version_unknown")),
            ("?version=01", (400, "query_refused")),
            ("?version=", (400, "query_refused")),
            ("?version=1&version=2", (400, "query_refused")),
            ("?version=2&alias=champion", (200, 2)),
            ("?version=1&alias=champion", (404, "version_unknown")),
            ("?alias=challenger", (400, "query_refused")),
        ):
            assert await answered(client, path + query) == found, query


async def test_the_default_model_is_asked_by_post(start: Start) -> None:
    async with start(ready=False) as client:
        response = await client.get("/predict")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
