"""MLflow's scoring protocol: its four forms of JSON, and what is refused of each."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import InputRefused, MediaTypeRefused, Problem, RequestRefused
from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols.mlflow import PROTOCOL
from mlyard_model_api.serving.version import Reference
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Column, DateExpansion, Schema

from .v2_requests import manifest

NUMBERS = Schema(
    columns=(
        Column(name="size", type="number", nullable=True, example=1.5),
        Column(name="count", type="integer", nullable=False, example=1),
        Column(name="left", type="integer", nullable=True, example=1),
    )
)
ONE = Schema(columns=(Column(name="a", type="number", nullable=False, example=1.0),))
NAN = float("nan")


def read(document: Any, schema: Schema = NUMBERS, media_type: str = "application/json") -> dict[str, list[Any]]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    call = PROTOCOL.open([(b"content-type", media_type.encode())], b"")
    model: Manifest = manifest(schema, classes=())
    columns = call.decode(body, model, max_rows=100)
    return {name: [None if np.isnan(value) else value for value in array.tolist()] for name, array in columns.items()}


WANTED = {"size": [1.5, 2.0], "count": [1.0, 2.0], "left": [None, 3.0]}
ROWS: list[dict[str, Any]] = [{"size": 1.5, "count": 1, "left": None}, {"size": 2, "count": 2, "left": 3}]
TABLE = [[1.5, 1, None], [2, 2, 3]]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"dataframe_split": {"columns": ["size", "count", "left"], "data": TABLE}}, id="split"),
        pytest.param(
            {
                "dataframe_split": {
                    "index": [7, 8],
                    "columns": ["left", "size", "count"],
                    "data": [[None, 1.5, 1], [3, 2, 2]],
                }
            },
            id="split in another order, with an index",
        ),
        pytest.param({"dataframe_split": {"data": TABLE}}, id="split without names"),
        pytest.param({"dataframe_records": ROWS}, id="records"),
        pytest.param({"instances": ROWS}, id="instances by name"),
        pytest.param({"instances": TABLE}, id="instances by position"),
        pytest.param({"inputs": TABLE}, id="inputs by position"),
        pytest.param({"inputs": ROWS}, id="inputs by name"),
        pytest.param({"inputs": {"size": [1.5, 2], "count": [1, 2], "left": [None, 3]}}, id="inputs by column"),
        pytest.param({"inputs": TABLE, "params": {}}, id="params that are empty"),
        pytest.param({"inputs": TABLE, "params": None}, id="params that are null"),
        pytest.param(
            {"dataframe_split": {"data": [[1.5, 1, NAN], [2, 2, 3.0]]}}, id="as pandas writes what is missing"
        ),
        pytest.param({"dataframe_records": [ROWS[0] | {"left": NAN}, ROWS[1] | {"left": 3.0}]}, id="records of pandas"),
    ],
)
def test_every_form_is_read(document: Any) -> None:
    assert read(document) == WANTED


def test_a_date_of_pandas_may_be_missing_where_the_column_says_so() -> None:
    seen = Column(name="seen", type="datetime", nullable=True, example="2026-01-01")
    dates = (DateExpansion(column="seen", parts=("year",)),)
    for document in (
        {"dataframe_split": {"data": [["NaT"], ["2026-01-01T00:00:00"]]}},
        {"instances": [{"seen": "NaT"}]},
    ):
        body = json.dumps(document).encode()
        call = PROTOCOL.open([(b"content-type", b"application/json")], b"")
        found = call.decode(body, manifest(Schema(columns=(seen,), dates=dates)), max_rows=9)
        assert np.isnat(found["seen"])[0]
        required = Schema(columns=(seen.model_copy(update={"nullable": False}),), dates=dates)
        with pytest.raises(InputRefused):
            call.decode(body, manifest(required), max_rows=9)


def test_a_single_row_and_a_single_column_need_no_lists() -> None:
    assert read({"inputs": {"size": 1.5, "count": 1, "left": None}}) == {"size": [1.5], "count": [1.0], "left": [None]}
    assert read({"instances": [1, 2]}, ONE) == {"a": [1.0, 2.0]}
    assert read({"inputs": [[1], [2]]}, ONE) == {"a": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        pytest.param({"size": "0.5"}, "wrong_type", id="a text for a number"),
        pytest.param({"size": True}, "wrong_type", id="true for a number"),
        pytest.param({"count": 1.5}, "wrong_type", id="a fraction for an integer"),
        pytest.param({"count": 1.0}, "wrong_type", id="a decimal point"),
        pytest.param({"count": NAN}, "wrong_type", id="NaN where nothing may be missing"),
        pytest.param({"count": None}, "null", id="null"),
        pytest.param({"left": 1.5}, "wrong_type", id="a fraction where pandas may write floats"),
        pytest.param({"size": float("inf")}, "not_finite", id="infinity"),
    ],
)
@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "instances", "inputs"])
def test_no_value_is_changed_in_silence(form: str, values: dict[str, Any], code: str) -> None:
    row = ROWS[1] | values
    content: Any = [ROWS[0], row]
    if form == "dataframe_split":
        content = {"columns": list(row), "data": [list(ROWS[0].values()), list(row.values())]}
    with pytest.raises(InputRefused) as caught:
        read({form: content})
    assert [(one.row, one.column, one.code) for one in caught.value.problems] == [(1, next(iter(values)), code)]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="no form"),
        pytest.param([], id="a list"),
        pytest.param({"inputs": TABLE, "instances": TABLE}, id="two forms"),
        pytest.param({"inputs": TABLE, "more": 1}, id="another key"),
        pytest.param({"messages": []}, id="a chat"),
        pytest.param({"inputs": TABLE, "params": {"temperature": 1}}, id="params"),
        pytest.param({"inputs": TABLE, "params": []}, id="params that are a list"),
        pytest.param({"inputs": 1}, id="a number"),
        pytest.param({"inputs": []}, id="no rows"),
        pytest.param({"inputs": {}}, id="no columns"),
        pytest.param({"inputs": [[1, 2]]}, id="a row that is too short"),
        pytest.param({"inputs": [[1, 2, 3, 4]]}, id="a row that is too long"),
        pytest.param({"inputs": [1, 2]}, id="numbers for rows"),
        pytest.param({"inputs": [TABLE]}, id="three dimensions"),
        pytest.param({"inputs": {"size": [1], "count": [1, 2], "left": [1, 2]}}, id="columns of other lengths"),
        pytest.param({"instances": {"size": [1]}}, id="columns as instances"),
        pytest.param({"instances": [ROWS[0], TABLE[0]]}, id="rows of both kinds"),
        pytest.param({"dataframe_records": TABLE}, id="records without names"),
        pytest.param({"dataframe_records": ROWS[0]}, id="one record without a list"),
        pytest.param({"dataframe_records": [ROWS[0] | {"more": 1}]}, id="a column too many"),
        pytest.param({"dataframe_split": TABLE}, id="split without its keys"),
        pytest.param({"dataframe_split": {"columns": ["size"]}}, id="split without data"),
        pytest.param({"dataframe_split": {"data": TABLE, "more": 1}}, id="split with another key"),
        pytest.param({"dataframe_split": {"data": TABLE, "columns": ["size", "size", "left"]}}, id="a name twice"),
        pytest.param({"dataframe_split": {"data": TABLE, "columns": [0, 1, 2]}}, id="names that are numbers"),
        pytest.param({"dataframe_split": {"data": TABLE, "index": [0]}}, id="an index of another length"),
        pytest.param({"dataframe_split": {"data": {}}}, id="data that is no list"),
        pytest.param(b'{"inputs": [[1, 1, 1]], "inputs": [[1, 1, 1]]}', id="a form twice"),
        pytest.param(b'{"dataframe_split": {"data": [[1, 1, 1]], "data": []}}', id="data twice"),
        pytest.param(b'{"dataframe_records": [{"size": 1, "size": 1, "count": 1, "left": 1}]}', id="a column twice"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"\xff", id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="deep nesting"),
        pytest.param({"inputs": TABLE * 51}, id="too many rows"),
    ],
)
def test_anything_else_is_refused(document: Any) -> None:
    with pytest.raises(RequestRefused):
        read(document)


@pytest.mark.parametrize("media_type", ["text/csv", "text/csv; charset=utf-8"])
def test_a_table_in_csv_is_read(media_type: str) -> None:
    assert read(b"size,count,left\n1.5,1,\n2,2,3\n", media_type=media_type) == WANTED
    with pytest.raises(InputRefused):
        read(b"size,count,left\n1.5,x,\n", media_type=media_type)


def test_a_table_in_parquet_is_read() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table({"size": [1.5, 2.0], "count": [1, 2], "left": [None, 3]}), sink)
    assert read(sink.getvalue().to_pybytes(), media_type="application/vnd.apache.parquet") == WANTED


@pytest.mark.parametrize("media_type", ["application/json;", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_by_its_type(media_type: str) -> None:
    assert read({"inputs": TABLE}, media_type=media_type) == WANTED


@pytest.mark.parametrize(
    "types",
    [
        [],
        [b"text/plain"],
        [b"application/json; charset=latin-1"],
        [b"application/json; format=pandas-split"],
        [b"text/csv"] * 2,
    ],
)
def test_other_types_are_refused(types: list[bytes]) -> None:
    with pytest.raises(MediaTypeRefused):
        PROTOCOL.open([(b"content-type", value) for value in types], b"")


def test_an_answer_holds_the_predictions_alone() -> None:
    found = Predictions(
        version=Reference(name="penguins", version=3, digest="0" * 64),
        at=datetime.now(UTC),
        ids=["a", "b"],
        values=["Adelie", "Gentoo"],
        classes=("Adelie", "Gentoo"),
        probabilities=None,
    )
    call = PROTOCOL.open([(b"content-type", b"application/json")], b"")
    assert json.loads(call.encode(found).body) == {"predictions": ["Adelie", "Gentoo"]}


@pytest.mark.parametrize(
    ("status", "code", "answered"),
    [
        (400, "BAD_REQUEST", None),
        (401, "UNAUTHENTICATED", None),
        (404, "RESOURCE_DOES_NOT_EXIST", None),
        (413, "BAD_REQUEST", None),
        (422, "INVALID_PARAMETER_VALUE", 400),
        (500, "INTERNAL_ERROR", None),
        (503, "TEMPORARILY_UNAVAILABLE", None),
    ],
)
def test_an_error_has_mlflows_code(status: int, code: str, answered: int | None) -> None:
    refused = PROTOCOL.refuse(status, "x", [Problem(code="x", message="must be a number", row=1, column="a")])
    assert json.loads(refused.body) == {"error_code": code, "message": "row 1, a: must be a number"}
    assert refused.status == answered
