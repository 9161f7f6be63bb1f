"""Versions that 0.2.0 trained get the answers that 0.2.0 gave: see `packages/shared/tests/golden/make_contract1.py`."""

import json
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Start, until
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN, SPECIES, TEXT, classifier, write_version

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).parents[3] / "shared/tests/golden/contract1"
MODELS = ("mixed", "amount", "again")


def unpack(model: str, folder: Path) -> dict[str, Any]:
    """Put a golden version's files into a folder, and return what 0.2.0 answered."""
    with zipfile.ZipFile(GOLDEN / f"{model}.zip") as packed:
        packed.extractall(folder)
    recorded: dict[str, Any] = json.loads((GOLDEN / f"{model}.answers.json").read_text())
    return recorded


@pytest.mark.parametrize("model", MODELS)
async def test_every_answer_is_the_one_that_0_2_0_gave(
    start: Start, registry: FakeRegistry, tmp_path: Path, model: str
) -> None:
    recorded = unpack(model, tmp_path / "version")
    registry.register(model, 1, tmp_path / "version", recorded["digest"])
    registry.promote(model, 1)
    trained = json.loads((tmp_path / "version/mlyard.json").read_text())["packages"]["scikit-learn"]
    async with start(ready=False) as client:
        if recorded["engine"] == "skops" and trained.split(".")[:2] != metadata.version("scikit-learn").split(".")[:2]:
            pytest.skip(f"its pipeline runs at scikit-learn {trained} only: make the golden versions again")
        await until(lambda: _serves(client, model))
        assert (await client.get(f"/models/{model}")).json()["engine"]["name"] == recorded["engine"]
        for asked in recorded["answers"]:
            response = await client.post(
                f"/models/{model}/predict",
                content=json.dumps(asked["request"]),
                headers={"Content-Type": "application/json"},
            )
            assert response.status_code == asked["status"], (asked["request"], response.text)
            assert told(response.json()) == recorded_of(asked), asked["request"]


async def _serves(client: Any, model: str) -> bool:
    return bool((await client.get(f"/models/{model}")).status_code == 200)


def told(answer: dict[str, Any]) -> list[Any]:
    if "error" in answer:
        return [[problem["code"], problem["row"], problem["column"]] for problem in answer["error"]["problems"]]
    return [[row["prediction"], row["probabilities"]] for row in answer["predictions"]]


def recorded_of(asked: dict[str, Any]) -> list[Any]:
    """Labels and numbers bit for bit, probabilities but for their last digits.

    In which order a product of matrices is summed depends on the processor; `tests/contract/test_released_api.py` runs
    both APIs on one, and compares every bit.
    """
    if "problems" in asked:
        return list(asked["problems"])
    return [
        [label, None if probabilities is None else pytest.approx(probabilities, rel=1e-12)]
        for label, probabilities in asked["predictions"]
    ]


async def test_what_only_the_old_grammar_takes_is_taken(start: Start, registry: FakeRegistry, tmp_path: Path) -> None:
    digest = write_version(tmp_path / "old", classifier(TEXT), form=TEXT)
    registry.register("penguins", 2, tmp_path / "old", digest)
    registry.promote("penguins", 2)
    async with start() as client:
        for changes in ({"mass": 2**53}, {"island": "<missing>"}, {"island": "x" * 20_000}):
            response = await client.post("/models/penguins/predict", json={"rows": [PENGUIN | changes]})
            assert response.status_code == 200, changes
        for changes in ({"seen": "2026-01-01T00:00:00+0100"}, {"seen": "2026-01-01 00:00:00+01"}):
            response = await client.post("/models/penguins/predict", json={"rows": [PENGUIN | changes]})
            assert response.json()["error"]["code"] == "bad_date", changes


async def test_a_model_tells_how_its_engine_sees_the_columns_and_who_makes_the_label(
    start: Start, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.promote("penguins", 1)
    digest = write_version(tmp_path / "old", classifier(TEXT), name="old", form=TEXT)
    registry.register("old", 1, tmp_path / "old", digest)
    registry.promote("old", 1)
    async with start() as client:
        new, old = [(await client.get(f"/models/{name}")).json() for name in ("penguins", "old")]
    assert new["inputs"] == {"encoding": "codes", "precision": "float64"}
    assert new["decision"] == {"kind": "largest", "tolerance": 1e-5, "threshold": None, "costs": None}
    assert old["inputs"] == {"encoding": "text", "precision": "float64"}
    assert old["decision"] is None
    assert tuple(old["classes"]) == SPECIES
