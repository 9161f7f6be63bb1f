import time

import pytest

from ..conftest import Start, serves, until
from ..fake_registry import FakeRegistry
from ..telemetry.test_metrics import Samples, samples
from ..versions import PENGUIN, WHEN

pytestmark = pytest.mark.anyio
REQUESTS = "mlyard_model_api_requests_total"


def labelled(found: Samples, name: str) -> dict[tuple[str, ...], float]:
    return {labels: value for (of, labels), value in found.items() if of == name}


async def test_the_page_needs_the_key_unless_it_is_set_to_need_none(start: Start) -> None:
    async with start(ready=False) as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.post("/metrics")).status_code == 405
        del client.headers["Authorization"]
        assert (await client.get("/metrics")).status_code == 401
    async with start(ready=False, anonymous_metrics=True) as client:
        del client.headers["Authorization"]
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/models")).status_code == 401


async def test_every_request_is_counted_by_who_answered_and_how(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        for rows in ([PENGUIN], [PENGUIN], []):
            await client.post("/models/penguins/predict", json={"rows": rows})
        await client.post("/models/unknown-%22x/predict", json={"rows": [PENGUIN]})
        await client.get("/models/penguins")
        await client.get("/a/path/of/the/client")
        await client.get("/models", headers={"Authorization": "Bearer wrong"})
        found = samples((await client.get("/metrics")).content)
    requests = labelled(found, REQUESTS)
    predict = "/models/{name}/predict"
    # By model, route, status and version.
    assert requests["penguins", predict, "200", "1"] == 2
    assert requests["penguins", predict, "422", "1"] == 1
    assert requests["", predict, "404", ""] == 1
    assert requests["", "/models/{name}", "200", ""] == 1
    assert requests["", "other", "404", ""] == 1
    assert requests["", "/models", "401", ""] == 1
    assert requests["", "/health/ready", "200", ""] >= 1
    assert "of/the/client" not in str(found)
    assert "unknown-" not in str(found)
    assert found["mlyard_model_api_request_duration_seconds_count", ("penguins", predict, "1")] == 3


async def test_the_models_that_serve_are_told_and_no_others(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)
    async with start() as client:
        await until(lambda: serves(client, "diabetes", 1))
        registry.promote("diabetes", 2)
        await until(lambda: serves(client, "diabetes", 2))
        (registry.folders["penguins", 1] / "MLmodel").unlink()
        (registry.folders["diabetes", 3] / "MLmodel").unlink()
        registry.promote("diabetes", 3)

        async def refused() -> bool:
            return (await client.get("/models/diabetes")).json()["refused"] is not None

        await until(refused)
        found = samples((await client.get("/metrics")).content)
    ages = labelled(found, "mlyard_model_api_model_age_seconds")
    assert set(ages) == {("penguins", "1"), ("diabetes", "2")}
    assert ages["penguins", "1"] == pytest.approx(time.time() - WHEN.timestamp(), abs=60)
    assert found["mlyard_model_api_last_swap_timestamp_seconds", ("diabetes", "2")] == pytest.approx(
        time.time(), abs=60
    )
    assert found["mlyard_model_api_last_poll_timestamp_seconds", ()] == pytest.approx(time.time(), abs=60)
    assert labelled(found, "mlyard_model_api_version_refused") == {("diabetes", "MLmodel is missing", "3"): 1}
    assert found["mlyard_model_api_registry_up", ()] == 1
    assert found["mlyard_model_api_ready", ()] == 1


async def test_a_way_back_is_a_swap_too(start: Start, registry: FakeRegistry) -> None:
    registry.promote("diabetes", 1)
    async with start() as client:

        async def swapped(version: int) -> float:
            await until(lambda: serves(client, "diabetes", version))
            found = samples((await client.get("/metrics")).content)
            return found["mlyard_model_api_last_swap_timestamp_seconds", ("diabetes", str(version))]

        first = await swapped(1)
        registry.promote("diabetes", 2)
        second = await swapped(2)
        registry.promote("diabetes", 1)
        assert first < second < await swapped(1)


async def test_the_rows_of_each_batch_are_counted(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        for count in (1, 5):
            await client.post("/models/penguins/predict", json={"rows": [PENGUIN] * count})
        found = samples((await client.get("/metrics")).content)
    assert found["mlyard_model_api_batch_rows_count", ("penguins", "1")] == 2
    assert found["mlyard_model_api_batch_rows_sum", ("penguins", "1")] == 6
