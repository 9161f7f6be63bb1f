"""Wrong requests: each is refused with its place, without its values."""

import json
import random
from typing import Any

import httpx
import pytest

from ..conftest import Start
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def promoted(registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)


async def ask(start: Start, content: bytes | str, headers: dict[str, str] = JSON, **settings: Any) -> httpx.Response:
    async with start(**settings) as client:
        return await client.post("/models/penguins/predict", content=content, headers=headers)


def changed(**values: Any) -> str:
    return json.dumps({"rows": [PENGUIN, PENGUIN | values]})


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        pytest.param("bill", "0.5", "wrong_type", id="text for a number"),
        pytest.param("bill", True, "wrong_type", id="true for a number"),
        pytest.param("bill", [1], "wrong_type", id="list for a number"),
        pytest.param("bill", {}, "wrong_type", id="object for a number"),
        pytest.param("bill", float("nan"), "not_finite", id="NaN"),
        pytest.param("bill", float("-inf"), "not_finite", id="infinity"),
        pytest.param("bill", 1e39, "out_of_range", id="beyond float32"),
        pytest.param("bill", 10**400, "out_of_range", id="integer beyond float64"),
        pytest.param("mass", 1.5, "wrong_type", id="fraction for an integer"),
        pytest.param("mass", 1.0, "wrong_type", id="integral number with a decimal point"),
        pytest.param("mass", False, "wrong_type", id="false for an integer"),
        pytest.param("mass", 2**53, "out_of_range", id="2^53"),
        pytest.param("mass", -(2**53), "out_of_range", id="-2^53"),
        pytest.param("mass", None, "null", id="null"),
        pytest.param("sex", "secret-value", "unseen_category", id="unseen category"),
        pytest.param("sex", 1, "wrong_type", id="number for a category"),
        pytest.param("island", None, "null", id="null category"),
        pytest.param("island", "\ud800", "bad_text", id="lone surrogate"),
        pytest.param("island", "Dream\0", "bad_text", id="NUL"),
        pytest.param("island", "<missing>", "bad_text", id="what once stood for null"),
        pytest.param("island", "x" * 10_001, "text_too_long", id="text too long"),
        pytest.param("tagged", 1, "wrong_type", id="1 for true"),
        pytest.param("tagged", "true", "wrong_type", id="text for true"),
        pytest.param("seen", 20260101, "wrong_type", id="number for a date"),
        pytest.param("seen", "", "bad_date", id="empty date"),
        pytest.param("seen", "2026-02-30", "bad_date", id="no such day"),
        pytest.param("seen", "2026-01-01T25:00", "bad_date", id="no such hour"),
        pytest.param("seen", "20260101", "bad_date", id="basic format"),
        pytest.param("seen", "01.02.2026", "bad_date", id="local format"),
        pytest.param("seen", "٢٠٢٦-01-01", "bad_date", id="other digits"),
        pytest.param("seen", "2026-01-01T00:00+24:00", "bad_date", id="no such offset"),
        pytest.param("seen", "0000-01-01", "bad_date", id="year 0"),
        pytest.param("seen", "0001-01-01T00:00:00+01:00", "out_of_range", id="before year 1"),
        pytest.param("seen", "9999-12-31T23:59:59-01:00", "out_of_range", id="after year 9999"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_row_and_column(
    start: Start, column: str, value: Any, code: str
) -> None:
    response = await ask(start, changed(**{column: value}))
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["code"], error["row"], error["column"]) == (code, 1, column)
    assert len(error["problems"]) == 1
    assert "secret-value" not in response.text


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("bill", 45, id="integer for a number"),
        pytest.param("bill", None, id="null where nullable"),
        pytest.param("mass", 2**53 - 1, id="2^53 - 1"),
        pytest.param("mass", -0, id="zero"),
        pytest.param("island", "Torgersen", id="unseen category where accepted"),
        pytest.param("island", "", id="empty text where accepted"),
        pytest.param("seen", "2026-01-01", id="date"),
        pytest.param("island", "é" * 10_000, id="longest text"),
        pytest.param("seen", "2026-01-01 10:20", id="minutes"),
        pytest.param("seen", "2026-01-01 10:20:30+00", id="offset of hours"),
        pytest.param("seen", "2026-01-01 10:20:30-0330", id="offset without a colon"),
        pytest.param("seen", "2026-01-01T10:20:30+01:02:03", id="offset with seconds"),
        pytest.param("seen", "2026-01-01T10:20:30.123456789+05:30", id="nanoseconds with an offset"),
        pytest.param("seen", "0001-01-01", id="first day"),
        pytest.param("seen", "9999-12-31T23:59:59.999Z", id="last day"),
    ],
)
async def test_a_right_value_is_taken(start: Start, column: str, value: Any) -> None:
    assert (await ask(start, changed(**{column: value}))).status_code == 200


ROW = json.dumps(PENGUIN)[1:-1]


@pytest.mark.parametrize(
    ("body", "status", "code", "row", "column"),
    [
        pytest.param(
            '{"rows": [{' + ROW + '}, {"bill": 1e999}]}', 422, "missing_column", 1, "mass", id="missing column"
        ),
        pytest.param('{"rows": [{' + ROW + ', "wing": 7}]}', 422, "unknown_column", 0, "wing", id="unknown column"),
        pytest.param(
            '{"rows": [{' + ROW + ', "\\ud800": 7}]}', 422, "unknown_column", 0, "?", id="surrogate as column"
        ),
        pytest.param('{"rows": [{' + ROW + ', "mass": 7}]}', 422, "duplicate_column", 0, "mass", id="duplicate column"),
        pytest.param(
            '{"columns": {"mass": [1], "mass": [1]}}', 422, "duplicate_column", None, "mass", id="twice a list"
        ),
        pytest.param('{"rows": [], "rows": []}', 422, "duplicate_key", None, None, id="duplicate rows"),
        pytest.param('{"rows": []}', 422, "no_rows", None, None, id="no rows"),
        pytest.param('{"rows": [3]}', 422, "wrong_shape", 0, None, id="row is not an object"),
        pytest.param('{"rows": {}}', 422, "wrong_shape", None, None, id="rows is not a list"),
        pytest.param('{"columns": []}', 422, "wrong_shape", None, None, id="columns is not an object"),
        pytest.param('{"columns": {}}', 422, "missing_column", None, "bill", id="no columns"),
        pytest.param('{"columns": {"bill": 3}}', 422, "missing_column", None, "mass", id="column is not a list"),
        pytest.param("{}", 422, "wrong_shape", None, None, id="nothing"),
        pytest.param('{"rows": [], "columns": {}}', 422, "wrong_shape", None, None, id="both"),
        pytest.param('{"rows": [], "params": {}}', 422, "wrong_shape", None, None, id="one more key"),
        pytest.param("[]", 422, "wrong_shape", None, None, id="a list"),
        pytest.param("null", 422, "wrong_shape", None, None, id="null"),
        pytest.param("", 400, "broken_body", None, None, id="empty"),
        pytest.param('{"rows": [', 400, "broken_body", None, None, id="cut off"),
        pytest.param("{'rows': []}", 400, "broken_body", None, None, id="single quotes"),
        pytest.param(b'{"rows": "\xff"}', 400, "broken_body", None, None, id="not UTF-8"),
        pytest.param('{"rows": []}'.encode("utf-16"), 400, "broken_body", None, None, id="UTF-16"),
        pytest.param("\ufeff{}", 400, "broken_body", None, None, id="byte order mark"),
        pytest.param("[" * 200_000, 400, "broken_body", None, None, id="nested deep"),
        pytest.param('{"rows": [' + "9" * 5000 + "]}", 400, "broken_body", None, None, id="5000 digits"),
    ],
)
async def test_a_wrong_body_is_refused(
    start: Start, body: str | bytes, status: int, code: str, row: int | None, column: str | None
) -> None:
    response = await ask(start, body)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert (error["code"], error["row"], error["column"]) == (code, row, column)


async def test_1e999_is_not_a_number(start: Start) -> None:
    response = await ask(start, changed(bill=12345).replace("12345", "1e999"))
    assert (response.status_code, response.json()["error"]["code"]) == (422, "not_finite")


async def test_columns_of_unequal_length_are_refused(start: Start) -> None:
    columns = {name: [value] * 2 for name, value in PENGUIN.items()} | {"mass": [1]}
    response = await ask(start, json.dumps({"columns": columns}))
    assert (response.json()["error"]["code"], response.json()["error"]["column"]) == ("unequal_lengths", "mass")


async def test_the_first_twenty_problems_are_told_in_the_order_of_the_rows(start: Start) -> None:
    rows = [PENGUIN | {"bill": "x", "mass": None}] * 30
    error = (await ask(start, json.dumps({"rows": rows}))).json()["error"]
    places = [(problem["row"], problem["column"]) for problem in error["problems"]]
    assert places == [(row, column) for row in range(10) for column in ("bill", "mass")]


async def test_an_unknown_column_is_named(start: Start) -> None:
    problem = (await ask(start, changed(wing=7))).json()["error"]
    assert (problem["message"], problem["column"]) == ("is not a column of this model", "wing")


async def test_a_long_column_name_is_cut(start: Start) -> None:
    response = await ask(start, json.dumps({"rows": [PENGUIN | {"x" * 5000: 1}]}))
    assert response.json()["error"]["column"] == "x" * 200


async def test_too_many_rows_are_refused(start: Start) -> None:
    response = await ask(start, json.dumps({"rows": [PENGUIN] * 3}), max_rows=2)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_many_rows")


async def test_a_large_body_is_refused_by_its_announced_length(start: Start) -> None:
    response = await ask(start, b" " * 101, max_body_bytes=100)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")


async def test_a_large_body_is_refused_while_it_arrives(start: Start) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 60

    async with start(max_body_bytes=100) as client:
        response = await client.post("/models/penguins/predict", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert sent <= 3


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Content-Type": "text/plain"}, id="text"),
        pytest.param({"Content-Type": "application/json; charset=latin-1"}, id="another charset"),
        pytest.param({"Content-Type": "application/json", "Content-Encoding": "br"}, id="packed in another way"),
    ],
)
async def test_another_media_type_is_refused(start: Start, headers: dict[str, str]) -> None:
    response = await ask(start, changed(), headers)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "media_type_refused")


async def test_the_charset_may_be_named(start: Start) -> None:
    assert (await ask(start, changed(), {"Content-Type": 'application/json; charset="UTF-8"'})).status_code == 200


async def test_no_broken_input_is_ever_a_fault_of_the_server(start: Start) -> None:
    generator = random.Random(20261123)
    async with start(max_rows=50) as client:
        for _ in range(1500):
            body = broken(generator)
            response = await client.post("/models/penguins/predict", content=body, headers=JSON)
            assert response.status_code in (200, 400, 413, 422), body
            if response.status_code != 200:
                assert set(response.json()["error"]) == {"code", "message", "row", "column", "problems"}
                assert "Traceback" not in response.text


VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, -1e39, 2**53, 2**64, 10**400, float("nan"), float("inf"), "", "x", "male",
    "Dream", "2026-01-01", "2026-01-01T00:00:00Z", "NaN", "1e5", "\0", "\ud800", "é" * 300, "<missing>", [], [[]], {},
]  # fmt: skip


def broken(generator: random.Random) -> bytes:
    """A valid body with something changed in its values, its shape or its bytes."""
    rows: list[Any] = [dict(PENGUIN) for _ in range(generator.randint(0, 4))]
    for row in rows:
        for _ in range(generator.randint(0, 3)):
            name = generator.choice([*PENGUIN, "wing", "", "\ud800"])
            if generator.random() < 0.2:
                row.pop(name, None)
            else:
                row[name] = generator.choice(VALUES)
    if generator.random() < 0.1:
        rows.append(generator.choice(VALUES))
    by_column = {name: [row.get(name) for row in rows if isinstance(row, dict)] for name in PENGUIN}
    document: Any = generator.choice([{"rows": rows}, {"columns": by_column}, {"rows": rows, "x": 1}])
    body = bytearray(json.dumps(document).encode())
    if generator.random() < 0.5:
        for _ in range(generator.randint(1, 4)):
            place = generator.randrange(len(body))
            body[place : place + generator.randint(0, 3)] = generator.randbytes(generator.randint(0, 3))
    return bytes(body)
