"""The same rows are the same columns by every protocol and form, and the same predictions are the same answers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_model_api.errors import RequestRefused
from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols import mlflow, native, v2
from mlyard_model_api.protocols.protocol import Call, WireProtocol
from mlyard_model_api.protocols.v2_inputs import takes_matrix
from mlyard_model_api.serving.version import Reference
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, Schema

from ..versions import SPECIES
from .v2_requests import in_bytes, manifest, tensor

MODEL = manifest()
NUMBERS = manifest(
    Schema(
        columns=(
            Column(name="size", type="number", nullable=True, example=1.5),
            Column(name="count", type="integer", nullable=False, example=1),
        )
    )
)
DATATYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "category": "BYTES", "datetime": "BYTES"}
FILLERS = {"INT64": 0, "FP64": 0.5, "BOOL": True, "BYTES": "female"}

floats = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1e38, 1e38)
integers = st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(-9, 9)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
dates = st.datetimes().map(datetime.isoformat) | st.dates().map(str) | st.sampled_from(["2026-03-31T18:30:00+02:00"])
rows = st.fixed_dictionaries(
    {
        "bill": st.none() | floats,
        "mass": integers,
        "sex": st.sampled_from([None, "female", "male"]),
        "island": texts | st.sampled_from(["Dream", "Biscoe", "grün", "1", "nan", ""]),
        "tagged": st.sampled_from([None, True, False]),
        "seen": st.none() | dates,
    }
)
tables = st.lists(rows, min_size=1, max_size=9)
many_numbers = st.lists(st.fixed_dictionaries({"size": st.none() | floats, "count": integers}), min_size=1, max_size=9)


def opened(protocol: WireProtocol, length: int | None = None) -> Call:
    headers = [(b"content-type", b"application/json")]
    if length is not None:
        headers.append((b"inference-header-content-length", b"%d" % length))
    return protocol.open(headers, b"")


def bodies(found: list[dict[str, Any]], schema: Schema) -> list[tuple[WireProtocol, bytes, int | None]]:
    """The same rows in every form of every protocol."""
    names = [column.name for column in schema.columns]
    columns = {name: [row[name] for row in found] for name in names}
    cells = [[row[name] for name in names] for row in found]
    documents: list[tuple[WireProtocol, Any]] = [
        (native.PROTOCOL, {"rows": found}),
        (native.PROTOCOL, {"columns": columns}),
        (mlflow.PROTOCOL, {"dataframe_records": found}),
        (mlflow.PROTOCOL, {"dataframe_split": {"columns": names, "data": cells}}),
        (mlflow.PROTOCOL, {"instances": cells}),
        (mlflow.PROTOCOL, {"inputs": columns}),
    ]
    kinds = {column.name: DATATYPES[column.type] for column in schema.columns}
    count = len(found)
    flat = [tensor(name, kinds[name], columns[name]) for name in names]
    nested = [tensor(name, kinds[name], [[value] for value in columns[name]], [count, 1]) for name in names]
    documents += [(v2.PROTOCOL, {"inputs": flat}), (v2.PROTOCOL, {"inputs": nested})]
    if takes_matrix(schema):
        documents.append((v2.PROTOCOL, {"inputs": [tensor("inputs", "FP64", cells, [count, len(names)])]}))
    result: list[tuple[WireProtocol, bytes, int | None]] = [
        (protocol, json.dumps(document).encode(), None) for protocol, document in documents
    ]
    behind: list[tuple[str, str, Any]] = []
    for name in names:
        missing = [value is None for value in columns[name]]
        values = [FILLERS[kinds[name]] if value is None else value for value in columns[name]]
        dtype = {"INT64": np.int64, "FP64": np.float64, "BOOL": np.bool_}.get(kinds[name])
        behind.append((name, kinds[name], values if dtype is None else np.array(values, dtype=dtype)))
        if any(missing):
            behind.append((f"{name}.missing", "BOOL", np.array(missing)))
    body, length = in_bytes(*behind)
    return [*result, (v2.PROTOCOL, body, length)]


def same(left: Mapping[str, Array], right: Mapping[str, Array]) -> bool:
    return list(left) == list(right) and all(
        left[name].dtype == right[name].dtype
        and np.array_equal(left[name], right[name], equal_nan=left[name].dtype != object)
        for name in left
    )


def outcomes(found: list[dict[str, Any]], model: Any) -> list[Mapping[str, Array] | str]:
    """What each form becomes: columns, or the first problem."""
    result: list[Mapping[str, Array] | str] = []
    for protocol, body, length in bodies(found, model.input_schema):
        try:
            result.append(opened(protocol, length).decode(body, model, max_rows=100))
        except RequestRefused as error:
            result.append(str(error))
    return result


@settings(max_examples=150, deadline=None)
@given(tables)
def test_rows_of_every_type_are_the_same_columns(found: list[dict[str, Any]]) -> None:
    first, *others = outcomes(found, MODEL)
    for other in others:
        assert first == other if isinstance(first, str) or isinstance(other, str) else same(first, other)


@settings(max_examples=100, deadline=None)
@given(many_numbers)
def test_numbers_are_the_same_columns_in_a_matrix_too(found: list[dict[str, Any]]) -> None:
    first, *others = outcomes(found, NUMBERS)
    assert not isinstance(first, str)
    # A matrix of FP64 holds no integer beyond 2^53, and none of these is.
    for other in others:
        assert not isinstance(other, str)
        assert same(first, other)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_predictions_are_the_same_answers(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    index = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    shares = data.draw(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=count, max_size=count))
    found = Predictions(
        version=Reference(name="penguins", version=1, digest="0" * 64),
        at=datetime.now(UTC),
        ids=[str(row) for row in range(count)],
        values=[SPECIES[one] for one in index],
        classes=SPECIES,
        probabilities=np.array(shares),
    )
    ours = json.loads(opened(native.PROTOCOL).encode(found).body)["predictions"]
    assert json.loads(opened(mlflow.PROTOCOL).encode(found).body)["predictions"] == [one["prediction"] for one in ours]
    document = {"inputs": [tensor("size", "FP64", [1]), tensor("count", "INT64", [1])], "outputs": [{"name": "ids"}]}
    for binary in (False, True):
        wanted = [{"name": name, "parameters": {"binary_data": binary}} for name in ("prediction", "probabilities")]
        call = opened(v2.PROTOCOL)
        call.decode(json.dumps(document | {"outputs": wanted}).encode(), NUMBERS, max_rows=9)
        answer = call.encode(found)
        if binary:
            length = int(answer.headers[0][1])
            size = json.loads(answer.body[:length])["outputs"][0]["parameters"]["binary_data_size"]
            probabilities = np.frombuffer(answer.body[length + size :]).reshape(count, 3).tolist()
        else:
            prediction, flat = json.loads(answer.body)["outputs"]
            assert prediction["data"] == [one["prediction"] for one in ours]
            probabilities = np.reshape(flat["data"], (count, 3)).tolist()
        assert probabilities == [list(one["probabilities"].values()) for one in ours]
