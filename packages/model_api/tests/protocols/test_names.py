"""How a request may spell the names of a model's columns."""

import json
import time
import unicodedata
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from mlyard_shared.schema import Column, InputForm, Schema
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from ..conftest import Start
from ..fake_registry import FakeRegistry
from ..versions import CODES, TEXT, write_version

pytestmark = pytest.mark.anyio

SIZE, AGE = "Größe", "âge"
SIZES = {form: unicodedata.normalize(form, SIZE) for form in ("NFC", "NFD")}
AGES = {form: unicodedata.normalize(form, AGE) for form in ("NFC", "NFD")}

BOTH = {SIZES["NFC"]: 1, SIZES["NFD"]: 1}
COMPATIBLE = "âg\N{CIRCLED LATIN SMALL LETTER E}"
"""NFKC would make it `âge`, NFC does not."""


def register(registry: FakeRegistry, folder: Path, *, form: InputForm = CODES, spelling: str = "NFC") -> None:
    """A model that answers 10 * size + age."""
    columns = tuple(Column(name=names[spelling], type="number", nullable=True, example=1.0) for names in (SIZES, AGES))
    pipeline = make_pipeline(LinearRegression()).fit(np.eye(2), np.array([10.0, 1.0]))
    pipeline[-1].coef_, pipeline[-1].intercept_ = np.array([10.0, 1.0]), 0.0
    digest = write_version(folder, pipeline, name="named", schema=Schema(columns=columns), classes=(), form=form)
    registry.register("named", 1, folder, digest)
    registry.promote("named", 1)


async def ask(client: httpx.AsyncClient, body: str) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return await client.post("/models/named/predict", content=body, headers=headers)


def predictions(response: httpx.Response) -> list[float]:
    assert response.status_code == 200, response.text
    return [round(row["prediction"], 6) for row in response.json()["predictions"]]


@pytest.mark.parametrize("spelling", ["NFC", "NFD"])
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "plain"])
async def test_a_name_may_come_in_any_unicode_form(
    start: Start, registry: FakeRegistry, tmp_path: Path, spelling: str, escaped: bool
) -> None:
    register(registry, tmp_path / "v", spelling=spelling)
    async with start() as client:
        for sizes, ages in (("NFC", "NFC"), ("NFD", "NFD"), ("NFC", "NFD"), ("NFD", "NFC")):
            row = {SIZES[sizes]: 2, AGES[ages]: 3}
            rows = [row, {SIZES["NFC"]: 4, AGES["NFC"]: 5}]
            assert predictions(await ask(client, json.dumps({"rows": rows}, ensure_ascii=escaped))) == [23, 45]
            columns = {SIZES[sizes]: [2, 4], AGES[ages]: [3, 5]}
            assert predictions(await ask(client, json.dumps({"columns": columns}, ensure_ascii=escaped))) == [23, 45]


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        pytest.param({**BOTH, AGE: 1}, [("duplicate_column", SIZES["NFC"])], id="both forms of one name"),
        pytest.param(
            {SIZES["NFD"]: 1, "Grösse": 1},
            [("missing_column", AGE), ("unknown_column", "Grösse")],
            id="another name",
        ),
        pytest.param(
            {SIZES["NFC"]: 1, COMPATIBLE: 1},
            [("missing_column", AGE), ("unknown_column", COMPATIBLE)],
            id="a form that is only compatible",
        ),
    ],
)
@pytest.mark.parametrize("shape", ["rows", "columns"])
async def test_a_name_that_is_wrong_in_every_form_is_refused(
    start: Start, registry: FakeRegistry, tmp_path: Path, row: dict[str, Any], problems: list[Any], shape: str
) -> None:
    register(registry, tmp_path / "v")
    content = [row] if shape == "rows" else {name: [value] for name, value in row.items()}
    async with start() as client:
        response = await ask(client, json.dumps({shape: content}))
    assert response.status_code == 422
    told = response.json()["error"]["problems"]
    assert [(problem["code"], problem["column"]) for problem in told] == problems
    assert {problem["row"] for problem in told} == {0 if shape == "rows" else None}


async def test_a_name_that_is_repeated_in_another_form_is_repeated(
    start: Start, registry: FakeRegistry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "v")
    body = f'{{"rows": [{{"{SIZES["NFD"]}": 1, "{SIZES["NFD"]}": 2, "{AGE}": 1}}]}}'
    async with start() as client:
        error = (await ask(client, body)).json()["error"]
    assert (error["code"], error["column"], len(error["problems"])) == ("duplicate_column", SIZES["NFC"], 1)


async def test_contract_1_compares_names_as_they_are(start: Start, registry: FakeRegistry, tmp_path: Path) -> None:
    register(registry, tmp_path / "v", form=TEXT)
    async with start() as client:
        assert predictions(await ask(client, json.dumps({"rows": [{SIZES["NFC"]: 2, AGE: 3}]}))) == [23]
        error = (await ask(client, json.dumps({"rows": [{SIZES["NFD"]: 2, AGE: 3}]}))).json()["error"]
    problems = [(problem["code"], problem["column"]) for problem in error["problems"]]
    assert problems == [("missing_column", SIZES["NFC"]), ("unknown_column", SIZES["NFD"])]


async def test_a_name_made_to_be_slow_is_refused_at_once(start: Start, registry: FakeRegistry, tmp_path: Path) -> None:
    # Marks of two classes in turn are sorted in quadratic time: this many take minutes to normalise.
    slow = "a" + "\u0301\u0323" * 300_000
    register(registry, tmp_path / "v")
    async with start() as client:
        started = time.perf_counter()
        response = await ask(client, json.dumps({"rows": [{slow: 1, AGE: 1}]}))
        assert time.perf_counter() - started < 5
    assert [problem["code"] for problem in response.json()["error"]["problems"]] == ["missing_column", "unknown_column"]
