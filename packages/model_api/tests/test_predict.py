import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Start
from .fake_registry import FakeRegistry
from .versions import NUMBERS, PENGUIN, SPECIES, line, write_version

pytestmark = pytest.mark.anyio


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


def _outputs(response: httpx.Response) -> list[tuple[Any, Any]]:
    assert response.status_code == 200, response.text
    return [(row["prediction"], row["probabilities"]) for row in response.json()["predictions"]]
