import asyncio
import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_model_api.serving.version import ServedVersion
from mlyard_shared.engines import Output

from ..conftest import Start, serves, until
from ..fake_registry import FakeRegistry
from ..versions import NUMBERS, PENGUIN, SPECIES, line, write_version

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}
LINE = {"columns": {"a": [1]}}


@pytest.fixture(autouse=True)
def promoted(registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)


async def test_a_row_gets_its_class_and_the_probability_of_each(start: Start) -> None:
    async with start() as client:
        response = await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["model"], answer["version"]) == ("penguins", 1)
    [row] = answer["predictions"]
    assert row["prediction"] == max(row["probabilities"], key=row["probabilities"].get)
    assert tuple(row["probabilities"]) == SPECIES
    assert sum(row["probabilities"].values()) == pytest.approx(1)


async def test_a_regression_answers_numbers_and_no_probabilities(start: Start) -> None:
    async with start() as client:
        response = await client.post("/models/diabetes/predict", json={"columns": {"a": [1, 2.5]}})
    rows = response.json()["predictions"]
    assert [(row["prediction"], row["probabilities"]) for row in rows] == [(1.0, None), (1.0, None)]


async def test_every_row_has_its_own_uuid7(start: Start) -> None:
    async with start() as client:
        response = await client.post("/models/penguins/predict", json={"rows": [PENGUIN] * 50})
    ids = [uuid.UUID(row["id"]) for row in response.json()["predictions"]]
    assert len(set(ids)) == 50
    assert {found.version for found in ids} == {7}
    assert abs((ids[0].int >> 80) / 1000 - time.time()) < 60


async def test_rows_and_columns_get_the_same_answers(start: Start) -> None:
    rows = [PENGUIN, PENGUIN | {"mass": 5800, "sex": "male"}, PENGUIN | {"bill": None, "seen": None}]
    columns = {name: [row[name] for row in rows] for name in PENGUIN}
    async with start() as client:
        by_rows = await client.post("/models/penguins/predict", json={"rows": rows})
        by_columns = await client.post("/models/penguins/predict", json={"columns": columns})
    assert _outputs(by_rows) == _outputs(by_columns)
    assert len({row[0] for row in _outputs(by_rows)}) > 1


async def test_the_order_of_the_columns_does_not_matter(start: Start) -> None:
    turned = dict(reversed(PENGUIN.items()))
    async with start() as client:
        first = await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})
        second = await client.post("/models/penguins/predict", json={"rows": [turned]})
    assert _outputs(first) == _outputs(second)


async def test_a_row_without_a_finite_answer_is_named(start: Start, registry: FakeRegistry, tmp_path: Path) -> None:
    digest = write_version(tmp_path / "steep", line(1e300), name="steep", schema=NUMBERS, classes=())
    registry.register("steep", 1, tmp_path / "steep", digest)
    registry.promote("steep", 1)
    async with start() as client:
        response = await client.post("/models/steep/predict", json={"columns": {"a": [1, 1e30]}})
    assert response.status_code == 422
    assert (response.json()["error"]["code"], response.json()["error"]["row"]) == ("not_computable", 1)


async def test_ten_thousand_rows_take_well_under_a_second(start: Start) -> None:
    body = json.dumps({"rows": [PENGUIN] * 10_000})
    async with start() as client:
        headers = {"Content-Type": "application/json"}
        times = []
        for _ in range(3):
            started = time.perf_counter()
            response = await client.post("/models/penguins/predict", content=body, headers=headers)
            times.append(time.perf_counter() - started)
            assert response.status_code == 200
    assert min(times) < 1


class Slow:
    """Lets version 1 of a model wait until it is let go."""

    def __init__(self, model: str) -> None:
        self.go = threading.Event()
        self.calls = 0
        self._model = model
        self._predict = ServedVersion.predict

    def predict(self, version: ServedVersion, columns: Any) -> Output:
        if (version.reference.name, version.reference.version) == (self._model, 1):
            self.calls += 1
            assert self.go.wait(20)
        return self._predict(version, columns)

    async def is_called(self) -> bool:
        return self.calls > 0


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    found = Slow("diabetes")
    monkeypatch.setattr(ServedVersion, "predict", lambda version, columns: found.predict(version, columns))
    yield found
    found.go.set()


async def test_a_slow_model_delays_no_other_and_is_answered_for_at_its_deadline(start: Start, slow: Slow) -> None:
    async with start(deadline_seconds=1) as client:
        waiting = [asyncio.create_task(client.post("/models/diabetes/predict", json=LINE)) for _ in range(3)]
        started = time.monotonic()
        for _ in range(5):
            response = await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})
            assert response.status_code == 200
        assert time.monotonic() - started < 1
        for task in waiting:
            response = await task
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
            assert response.json()["error"]["code"] == "deadline_passed"
        slow.go.set()
        assert (await client.post("/models/diabetes/predict", json=LINE)).status_code == 200
    # What waited was dropped at its deadline.
    assert slow.calls == 2


async def test_a_slow_version_that_was_replaced_delays_nobody(start: Start, slow: Slow, registry: FakeRegistry) -> None:
    async with start() as client:
        waiting = asyncio.create_task(client.post("/models/diabetes/predict", json=LINE))
        await until(slow.is_called)
        registry.promote("diabetes", 2)
        await until(partial(serves, client, "diabetes", 2))
        response = await client.post("/models/diabetes/predict", json=LINE)
        assert (response.status_code, response.json()["version"]) == (200, 2)
        assert not waiting.done()
        slow.go.set()
        assert (await waiting).json()["version"] == 1


async def test_a_full_queue_refuses_before_the_body_is_read(start: Start, slow: Slow) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        sent += 1
        yield json.dumps(LINE).encode()

    async with start(queue_rows=1) as client:
        running = asyncio.create_task(client.post("/models/diabetes/predict", json=LINE))
        await until(slow.is_called)
        response = await client.post("/models/diabetes/predict", content=body(), headers=JSON)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "overloaded")
        assert sent == 0
        slow.go.set()
        assert (await running).status_code == 200


async def test_bodies_have_no_more_memory_than_the_limit(start: Start) -> None:
    async def waits(go: asyncio.Event) -> AsyncIterator[bytes]:
        yield b" " * 200_000
        await go.wait()
        yield json.dumps({"rows": [PENGUIN]}).encode()

    async with start(bodies_bytes=300_000, deadline_seconds=0.5) as client:
        go = asyncio.Event()
        url = "/models/penguins/predict"
        first = asyncio.create_task(client.post(url, content=waits(go), headers=JSON))
        await asyncio.sleep(0.05)
        second = await client.post(url, content=b" " * 200_000, headers=JSON)
        assert (second.status_code, second.json()["error"]["code"]) == (503, "overloaded")
        assert (await client.post(url, json={"rows": [PENGUIN]})).status_code == 200
        go.set()
        assert (await first).status_code == 200
        assert (await client.post(url, content=b" " * 200_000 + b"{}", headers=JSON)).status_code == 422


async def test_a_request_is_answered_by_the_version_that_it_came_to(start: Start, registry: FakeRegistry) -> None:
    async with start() as client:
        gone_on = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b'{"columns": '
            for number in (2, 3):
                registry.promote("diabetes", number)
                await until(partial(serves, client, "diabetes", number))
            gone_on.set()
            yield b'{"a": [1]}}'

        response = await client.post("/models/diabetes/predict", content=body(), headers=JSON)
    assert gone_on.is_set()
    assert (response.json()["version"], response.json()["predictions"][0]["prediction"]) == (1, 1.0)


async def test_a_body_that_does_not_come_is_given_up(start: Start) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async with start(body_seconds=0.1) as client:
        response = await client.post("/models/penguins/predict", content=body(), headers=JSON)
    assert (response.status_code, response.json()["error"]["code"]) == (408, "body_too_slow")


def _outputs(response: httpx.Response) -> list[tuple[Any, Any]]:
    assert response.status_code == 200, response.text
    return [(row["prediction"], row["probabilities"]) for row in response.json()["predictions"]]
