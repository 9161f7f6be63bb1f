"""Requests and answers of the Open Inference Protocol V2, beside the values in them."""

import json
import struct
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import BrokenBody, InputRefused, MediaTypeRefused, Problem, RequestRefused, TooManyRows
from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols.protocol import Answer
from mlyard_model_api.protocols.v2 import PROTOCOL, V2Call, decode_strictly
from mlyard_model_api.protocols.v2_metadata import model_metadata
from mlyard_model_api.serving.version import Reference
from mlyard_shared.manifest import Manifest
from mlyard_shared.manifest.current import Conformal, Quantile
from mlyard_shared.schema import Column, Schema

from .v2_requests import manifest, read, tensor

ONE = Schema(columns=(Column(name="a", type="number", nullable=False, example=1.0),))
TWO = Schema(columns=(*ONE.columns, Column(name="b", type="integer", nullable=True, example=1)))
A = tensor("a", "FP64", [1, 2])


def answer(model: Manifest, predictions: Predictions, **request: Any) -> Answer:
    call = V2Call(None)
    call.decode(json.dumps({"inputs": [A], **request}).encode(), model, max_rows=100)
    return call.encode(predictions)


def predictions(values: list[Any], classes: tuple[Any, ...] = (), **more: Any) -> Predictions:
    found = {"ids": ["id-1", "id-2"], "probabilities": None, "at": datetime.now(UTC)}
    version = Reference(name="penguins", version=3, digest="0" * 64)
    return Predictions(version=version, values=values, classes=classes, **(found | more))


def outputs(found: Answer) -> dict[str, tuple[str, list[int], list[Any]]]:
    return {one["name"]: (one["datatype"], one["shape"], one["data"]) for one in json.loads(found.body)["outputs"]}


CLASSES = ("no", "yes")
CLASSIFIED = predictions(["yes", "no"], CLASSES, probabilities=np.array([[0.25, 0.75], [1.0, 0.0]]))


def test_an_answer_has_the_model_its_version_the_id_and_every_output() -> None:
    found = answer(manifest(ONE, classes=CLASSES), CLASSIFIED, id="42")
    assert found.media_type == b"application/json"
    assert json.loads(found.body) == {
        "model_name": "penguins",
        "model_version": "3",
        "id": "42",
        "outputs": [
            {"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]},
            {"name": "probabilities", "datatype": "FP64", "shape": [2, 2], "data": [0.25, 0.75, 1.0, 0.0]},
        ],
    }
    assert "id" not in json.loads(answer(manifest(ONE, classes=CLASSES), CLASSIFIED).body)


def test_the_outputs_that_are_asked_for_come_in_their_order() -> None:
    wanted = [{"name": "ids"}, {"name": "prediction"}]
    found = outputs(answer(manifest(ONE, classes=CLASSES), CLASSIFIED, outputs=wanted))
    assert found == {"ids": ("BYTES", [2], ["id-1", "id-2"]), "prediction": ("BYTES", [2], ["yes", "no"])}
    assert list(found) == ["ids", "prediction"]


@pytest.mark.parametrize(
    ("classes", "values", "datatype"),
    [((), [1.5, 2.0], "FP64"), ((0, 1), [1, 0], "INT64"), ((False, True), [True, False], "BOOL")],
)
def test_predictions_have_the_datatype_of_the_target(classes: Any, values: list[Any], datatype: str) -> None:
    model = manifest(ONE, classes=classes, decision=None)
    assert outputs(answer(model, predictions(values, classes))) == {"prediction": (datatype, [2], values)}
    assert model_metadata(model, versions=[1])["outputs"] == [
        {"name": "prediction", "datatype": datatype, "shape": [-1]}
    ]


def test_an_answer_comes_in_bytes_where_they_are_asked_for() -> None:
    model = manifest(ONE, classes=CLASSES)
    found = answer(model, CLASSIFIED, parameters={"binary_data_output": True})
    assert found.media_type == b"application/octet-stream"
    ((name, value),) = found.headers
    assert name == b"inference-header-content-length"
    document, behind = json.loads(found.body[: int(value)]), found.body[int(value) :]
    assert [one["parameters"] for one in document["outputs"]] == [{"binary_data_size": 13}, {"binary_data_size": 32}]
    assert behind == b"\x03\0\0\0yes\x02\0\0\0no" + struct.pack("<4d", 0.25, 0.75, 1.0, 0.0)
    wanted = [{"name": "prediction", "parameters": {"binary_data": False}}, {"name": "probabilities"}]
    both = answer(model, CLASSIFIED, outputs=wanted, parameters={"binary_data_output": True})
    first, second = json.loads(both.body[: int(both.headers[0][1])])["outputs"]
    assert first["data"] == ["yes", "no"]
    assert second["parameters"] == {"binary_data_size": 32}


def test_conformal_quantiles_give_intervals_and_sets() -> None:
    quantiles = (Quantile(level=0.9, value=0.5),)
    regression = manifest(ONE, classes=(), conformal=Conformal(score="absolute_residual", rows=9, quantiles=quantiles))
    found = predictions([1.0, 2.0], intervals={0.9: np.array([[0.5, 1.5], [1.5, 2.5]])})
    assert outputs(answer(regression, found))["interval_0.9"] == ("FP64", [2, 2], [0.5, 1.5, 1.5, 2.5])
    classes = manifest(ONE, conformal=Conformal(score="one_minus_probability", rows=9, quantiles=quantiles))
    sets = predictions(["Adelie"] * 2, classes.classes, sets={0.9: np.ones((2, 3), dtype=bool)})
    wanted = [{"name": "set_0.9"}]
    assert outputs(answer(classes, sets, outputs=wanted)) == {"set_0.9": ("BOOL", [2, 3], [True] * 6)}


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"inputs": {}}, id="inputs that are no list"),
        pytest.param({"inputs": None}, id="null for inputs"),
        pytest.param({}, id="no inputs"),
        pytest.param([], id="a list"),
        pytest.param({"inputs": [1]}, id="an input that is no object"),
        pytest.param({"inputs": [A], "output": []}, id="an unknown key"),
        pytest.param({"inputs": [A | {"type": "x"}]}, id="an unknown key of an input"),
        pytest.param({"inputs": [A | {"name": 1}]}, id="a name that is no text"),
        pytest.param({"inputs": [A | {"datatype": None}]}, id="no datatype"),
        pytest.param({"inputs": [A | {"data": {}}]}, id="data that is no list"),
        pytest.param({"inputs": [A | {"parameters": {"binary_data_size": 16}}]}, id="data twice"),
        pytest.param({"inputs": [A, A]}, id="an input twice"),
        pytest.param({"inputs": [A], "id": 1}, id="an id that is no text"),
        pytest.param({"inputs": [A], "id": "\ud800"}, id="an id that is no Unicode"),
        pytest.param({"inputs": [A], "parameters": []}, id="parameters that are no object"),
        pytest.param({"inputs": [A], "parameters": {"binary_data_output": 1}}, id="a flag that is a number"),
        pytest.param({"inputs": [A], "parameters": {"sequence_id": 1}}, id="a sequence"),
        pytest.param({"inputs": [A], "outputs": {}}, id="outputs that are no list"),
        pytest.param({"inputs": [A], "outputs": [{"name": "x"}]}, id="an unknown output"),
        pytest.param({"inputs": [A], "outputs": [{"name": "ids"}] * 2}, id="an output twice"),
        pytest.param({"inputs": [A], "outputs": [{"name": "ids", "x": 1}]}, id="an unknown key of an output"),
        pytest.param(
            {"inputs": [A], "outputs": [{"name": "prediction", "parameters": {"classification": 2}}]},
            id="Triton's classification",
        ),
        pytest.param({"inputs": [A], "model_name": "other"}, id="another model than the address"),
    ],
)
def test_a_request_of_another_form_is_refused(request_: Any) -> None:
    with pytest.raises(InputRefused):
        read(request_, manifest(ONE))


def test_no_key_comes_twice() -> None:
    for document in (
        b'{"inputs": [], "inputs": []}',
        b'{"inputs": [{"name": "a", "name": "a", "datatype": "FP64", "shape": [1], "data": [1]}]}',
        b'{"inputs": [], "parameters": {"a": 1, "a": 2}}',
    ):
        with pytest.raises(InputRefused, match="once"):
            read(document, manifest(ONE))


def test_what_kserve_and_others_send_beside_the_protocol_is_taken() -> None:
    more = {"model_name": "penguins", "model_version": None, "parameters": {"custom": 1}, "id": None, "outputs": None}
    assert read({"inputs": [A | {"parameters": {"content_type": "np"}}], **more}, manifest(ONE))["a"].tolist() == [1, 2]


@pytest.mark.parametrize("depth", [3, 120, 100_000])
def test_nesting_deeper_than_the_shape_is_refused(depth: int) -> None:
    data = b"[" * depth + b"1" + b"]" * depth
    with pytest.raises(RequestRefused):
        read(b'{"inputs":[{"name":"a","datatype":"FP64","shape":[1,1],"data":%s}]}' % data, manifest(ONE))


@pytest.mark.parametrize("length", [0, 10, 10**6, 10**17])
def test_a_document_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(BrokenBody):
        read({"inputs": [A]}, manifest(ONE), length=length)


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1.0", b"0x1", b"1" * 30, b"one", "\u0661".encode(), b"1_0"])
def test_the_length_of_the_document_is_a_number(value: bytes) -> None:
    with pytest.raises(BrokenBody):
        PROTOCOL.open([(b"inference-header-content-length", value)], b"")


def test_two_lengths_are_refused() -> None:
    with pytest.raises(BrokenBody):
        PROTOCOL.open([(b"inference-header-content-length", b"1")] * 2, b"")


@pytest.mark.parametrize(
    ("types", "lengths"),
    [
        ([], []),
        ([b"application/json"], []),
        ([b'Application/JSON; charset="UTF-8"'], []),
        ([b"application/octet-stream"], [b"10"]),
        ([b"application/json"], [b"10"]),
    ],
)
def test_the_types_that_clients_send_are_taken(types: list[bytes], lengths: list[bytes]) -> None:
    headers = [(b"content-type", value) for value in types]
    PROTOCOL.open([*headers, *((b"inference-header-content-length", value) for value in lengths)], b"")


@pytest.mark.parametrize(
    "types",
    [[b"text/csv"], [b"application/octet-stream"], [b"application/json; charset=latin-1"], [b"application/json"] * 2],
)
def test_other_types_are_refused(types: list[bytes]) -> None:
    with pytest.raises(MediaTypeRefused):
        PROTOCOL.open([(b"content-type", value) for value in types], b"")


def test_an_error_is_one_text_with_every_place() -> None:
    found = [
        Problem(code="x", message="is wrong", row=3, column="a"),
        Problem(code="y", message="is missing", column="b"),
    ]
    refused = PROTOCOL.refuse(422, "x", found)
    assert json.loads(refused.body) == {"error": "row 3, a: is wrong; b: is missing"}
    assert refused.status == 400
    assert PROTOCOL.refuse(404, "x", [Problem(code="x", message="nothing here")]).status is None


def test_metadata_tells_of_inputs_outputs_missing_values_and_the_matrix() -> None:
    found = model_metadata(manifest(TWO, classes=CLASSES), versions=[3, 2])
    properties = found.pop("properties")
    assert found == {
        "name": "penguins",
        "versions": ["2", "3"],
        "platform": "mlyard_scikit-learn",
        "inputs": [
            {"name": "a", "datatype": "FP64", "shape": [-1]},
            {"name": "b", "datatype": "INT64", "shape": [-1]},
        ],
        "outputs": [
            {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
        ],
    }
    assert json.loads(properties["matrix"]) == {"name": "inputs", "datatype": "FP64", "shape": [-1, 2]}
    assert json.loads(properties["missing_values"]) == ["b"]
    assert json.loads(properties["classes"]) == ["no", "yes"]
    assert all(isinstance(text, str) for text in properties.values())
    assert "matrix" not in model_metadata(manifest(), versions=[1])["properties"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[]", id="lists"),
        pytest.param(b"[1]", id="values in lists of their own"),
        pytest.param(b"{}", id="objects"),
        pytest.param(b"1", id="numbers"),
        pytest.param(b'""', id="texts"),
    ],
)
def test_a_body_of_far_too_many_parts_is_refused_before_they_are_made(data: bytes) -> None:
    head = b'{"inputs":[{"name":"a","shape":[100],"datatype":"FP64","data":['
    started = time.process_time()
    with pytest.raises(TooManyRows):
        read(head + (data + b",") * 1_000_000 + b"1]}]}", manifest(ONE))
    assert time.process_time() - started < 1


def test_a_wrong_name_in_the_last_of_many_inputs_is_refused_in_about_the_time_of_an_answer() -> None:
    names = [f"feature_{number:04}" for number in range(2000)]
    schema = Schema(columns=tuple(Column(name=name, type="number", nullable=False, example=1.0) for name in names))
    model = manifest(schema)

    def seconds(last: str) -> float:
        body = json.dumps({"inputs": [tensor(name, "FP64", [1.5] * 10) for name in [*names[:-1], last]]}).encode()
        times = []
        for _ in range(3):
            started = time.process_time()
            try:
                V2Call(None).decode(body, model, max_rows=100)
            except InputRefused as error:
                assert [(one.code, one.column) for one in error.problems] == [  # noqa: PT017 - it is timed
                    ("unknown_column", "feature_x"),
                    ("missing_column", "feature_1999"),
                ]
            times.append(time.process_time() - started)
        return min(times)

    assert seconds("feature_x") < 5 * seconds("feature_1999")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        pytest.param({"name": "b"}, "unknown_column", id="a name"),
        pytest.param({"datatype": "BYTES"}, "wrong_datatype", id="a datatype"),
        pytest.param({"datatype": "FP63"}, "wrong_datatype", id="no datatype"),
        pytest.param({"shape": [2, 2]}, "wrong_shape", id="a shape"),
        pytest.param({"shape": [2**60]}, "TooManyRows", id="rows"),
        pytest.param({"shape": []}, "wrong_shape", id="no shape"),
        pytest.param({"shape": [-1]}, "wrong_shape", id="a negative length"),
        pytest.param({"name": "b", "data": ["x"]}, "unknown_column", id="a text too"),
        pytest.param({"name": "b", "data": 1}, "wrong_shape", id="no list"),
    ],
)
def test_inputs_that_are_not_the_models_are_refused_as_the_strict_way_does(
    changes: dict[str, Any], problem: str
) -> None:
    kind, problems = refused_both_ways(manifest(ONE), [A | changes])
    assert problem in (kind, *(one.code for one in problems or ()))


def test_what_is_missing_is_read_before_values_are_judged() -> None:
    mask = tensor("b.missing", "BOOL", [False, False]) | {"data": []}
    inputs = [tensor("a", "FP64", [1.0, 1e300]), tensor("b", "INT64", [1, 2]), mask]
    _, problems = refused_both_ways(manifest(TWO), inputs)
    assert [one.code for one in problems or ()] == ["wrong_shape"]


def refused_both_ways(model: Manifest, inputs: list[dict[str, Any]]) -> tuple[str, Any]:
    """How inputs are refused, in the fast way and in the strict one alike."""
    body = json.dumps({"inputs": inputs}).encode()
    found = []
    for decode in (
        lambda: V2Call(None).decode(body, model, max_rows=100),
        lambda: decode_strictly(body, memoryview(b""), model, max_rows=100),
    ):
        with pytest.raises(RequestRefused) as refused:
            decode()
        found.append((type(refused.value).__name__, str(refused.value), getattr(refused.value, "problems", None)))
    assert found[0] == found[1]
    return found[0][0], found[0][2]
