"""Columns that are read into arrays at once."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import InputRefused, RequestRefused
from mlyard_model_api.protocols import columnar, documents, native, rows
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.schema import Column, Schema

COLUMNS = (
    Column(name="a", type="number", nullable=True, example=1.0),
    Column(name="[b]", type="integer", nullable=False, example=1),
    Column(name="c", type="boolean", nullable=True, example=True),
    Column(name="d", type="category", nullable=False, categories=("x", "y"), unseen="accept", example="x"),
)


class Form:
    """As much of a manifest as readers of bodies look at."""

    input_schema = Schema(columns=COLUMNS)
    grammar = 2


FORM: Any = Form()


def read(body: bytes) -> Any:
    return columnar.reader(FORM).read(bytearray(body), max_rows=3)


def body(**changes: str) -> bytes:
    texts = {"a": "[1,2.5]", "[b]": "[-3,4]", "c": "[true,null]", "d": '["x","z"]'} | changes
    return ('{"columns":{' + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}}").encode()


def test_columns_are_read_to_the_last_bit_as_the_strict_way_reads_them() -> None:
    numbers = "[0.1,-0,-0.0]", "[5e-324,1.7976931348623157e308,null]", "[9007199254740993,1e22,123456789012345678]"
    for text in numbers:
        given = body(a=text, **{"[b]": "[9007199254740991,-1,0]", "c": "[false,true,null]", "d": '["x","","y"]'})
        if "e308" in text:
            with pytest.raises(InputRefused, match="must lie between"):
                read(given)  # beyond the grammar's bounds
            continue
        found = read(given)
        expected = rows.read(json.loads(given), FORM.input_schema, GRAMMARS[2], max_rows=3)
        assert list(found) == list(expected)
        for name, values in expected.items():
            assert (
                values.tolist() == found[name].tolist()
                if values.dtype == object
                else (np.ascontiguousarray(found[name]).tobytes() == values.tobytes())
            )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(body(a="[[1],[2]]"), id="lists in a list"),
        pytest.param(body(a="[[1,2]]"), id="a list in a list"),
        pytest.param(body(a='[{"x":1},2]'), id="an object in a list"),
        pytest.param(body(a="{}"), id="an object for a list"),
        pytest.param(body(a="1"), id="a number for a list"),
        pytest.param(body(a="[1]"), id="one too short"),
        pytest.param(body(a="[]", c="[]", d="[]", **{"[b]": "[]"}), id="no rows"),
        pytest.param(
            body(a="[1,2,3,4]", c="[null,null,null,null]", d='["","","",""]', **{"[b]": "[1,2,3,4]"}), id="many"
        ),
        pytest.param(body(a='[1,"2"]'), id="a text for a number"),
        pytest.param(body(a="[1,true]"), id="true for a number"),
        pytest.param(body(**{"[b]": "[1,2.0]"}), id="a fraction for an integer"),
        pytest.param(body(**{"[b]": "[1,null]"}), id="null where there may be none"),
        pytest.param(body(**{"[b]": "[1,9007199254740992]"}), id="an integer beyond the bounds"),
        pytest.param(body(**{"[b]": "[1,18446744073709551615]"}), id="an integer beyond 63 bits"),
        pytest.param(body(a="[1,1e999]"), id="a number beyond float64"),
        pytest.param(body(a="[1,NaN]"), id="NaN"),
        pytest.param(body(a="[1,01]"), id="a leading zero"),
        pytest.param(body(d='["x","\\u0041"]'), id="an escape"),
        pytest.param(body(d='["x","["]'), id="a bracket in a text"),
        pytest.param(body(e="[1,2]"), id="a name too many"),
        pytest.param(body().replace(b'"c"', b'"a"'), id="a name that comes again"),
        pytest.param(
            body(a="[[]]").replace(b'"d":["x","z"]', b'"c":1'), id="a name again with no list, and a list more"
        ),
        pytest.param(body().replace(b'"c"', b'"C"'), id="another name"),
        pytest.param(body().replace(b'"[b]":[-3,4]', b'"\\u005bb]":[[-3],4]'), id="a list in a list behind an escape"),
        pytest.param(b"\xef\xbb\xbf" + body(), id="a byte order mark"),
        pytest.param(body() + b"x", id="more behind it"),
        pytest.param(body()[:-1], id="an end too soon"),
        pytest.param(body(d='["x","\xff"]').replace("ÿ".encode(), b"\xff"), id="no UTF-8"),
        pytest.param(body()[:-1] + b',"columns":{}}', id="columns again"),
        pytest.param(b'{"columns":"a[[[{"}', id="a text for columns"),
    ],
)
def test_what_is_not_wholly_right_is_refused_or_left_to_the_other_readers(given: bytes) -> None:
    assert read(body()) is not None
    with contextlib.suppress(RequestRefused):
        assert read(given) is None
        return
    assert refusal(lambda: read(given)) == refusal(lambda: strictly(given))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(body(e="[1,2]"), id="a name too many"),
        pytest.param(body().replace(b'"c"', b'"a"'), id="a name that comes again"),
        pytest.param(body(a="[1]"), id="one too short"),
        pytest.param(body()[:-1] + b',"columns":{}}', id="columns again"),
        pytest.param(body()[:-1] + b',"rows":[]}', id="rows too"),
        pytest.param(
            body(a="[1,2,3,4]", c="[null,null,null,null]", d='["","","",""]', **{"[b]": "[1,2,3,4]"}), id="many"
        ),
    ],
)
def test_wrong_names_and_lengths_are_refused_by_this_reader_itself(given: bytes) -> None:
    assert refusal(lambda: read(given)) == refusal(lambda: strictly(given))


def strictly(given: bytes) -> None:
    document = documents.parse_strictly(given, rows=3, columns=4)
    rows.read(document, FORM.input_schema, GRAMMARS[2], max_rows=3)


def refusal(refuse: Callable[[], object]) -> tuple[object, ...]:
    with pytest.raises(RequestRefused) as caught:
        refuse()
    return type(caught.value), str(caught.value), getattr(caught.value, "problems", None)


def test_a_body_is_read_after_one_that_was_not() -> None:
    for _ in range(3):
        assert read(body(a="[1,NaN]")) is None
        assert read(body()) is not None


def test_a_wrong_number_among_many_is_refused_in_about_the_time_of_an_answer() -> None:
    schema = Schema(columns=tuple(Column(name=f"x{i}", type="number", nullable=False, example=1.0) for i in range(30)))
    form: Any = type("Numbers", (), {"input_schema": schema, "grammar": 2})()
    given = {column.name: np.random.default_rng(0).normal(size=2000).round(4).tolist() for column in schema.columns}
    right = json.dumps({"columns": given}).encode()
    wrong = json.dumps({"columns": given | {"x29": [*given["x29"][:-1], "1"]}}).encode()

    def seconds(read: Callable[[], Any]) -> float:
        times = []
        for _ in range(3):
            started = time.process_time()
            read()
            times.append(time.process_time() - started)
        return min(times)

    def refuse() -> None:
        with pytest.raises(InputRefused) as refused:
            native.decode(wrong, form, max_rows=2000)
        assert [(problem.row, problem.column) for problem in refused.value.problems] == [(1999, "x29")]

    strict = seconds(lambda: rows.read(json.loads(right), schema, GRAMMARS[2], max_rows=2000))
    assert seconds(lambda: native.decode(right, form, max_rows=2000)) < strict
    assert seconds(refuse) < 4 * strict
