"""Triton's own client for HTTP, of which only the header with the key is not its default."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from .conftest import KEY, Api

ROWS: list[dict[str, object]] = [{"size": 42.5, "count": 3}, {"size": 17.25, "count": 0}, {"size": -3.0, "count": 7}]
VISITS: list[dict[str, object]] = [
    {"size": 42.5, "count": 3, "new": True, "colour": "grün", "weight": 5.5, "seen": "2025-03-01T12:00:00+02:00"},
    {"size": 70.5, "count": 1, "new": False, "colour": "puce", "weight": None, "seen": None},
]


def headers() -> dict[str, str]:
    """New ones each time, since the client adds its own to what it is given."""
    return {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    with triton.InferenceServerClient(api.place) as client:
        yield client


def given(name: str, datatype: str, values: Any, *, binary: bool = True) -> Any:
    array = np.array(values)
    tensor = triton.InferInput(name, list(array.shape), datatype)
    return tensor.set_data_from_numpy(array, binary_data=binary)


def prices(*, binary: bool) -> list[Any]:
    size = given("size", "FP64", [row["size"] for row in ROWS], binary=binary)
    return [size, given("count", "INT64", [row["count"] for row in ROWS], binary=binary)]


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("prices", headers=headers())
    assert client.is_model_ready("prices", "1", headers=headers())
    assert not client.is_model_ready("prices", "2", headers=headers())
    assert not client.is_model_ready("nothing", headers=headers())
    assert "binary_tensor_data" in client.get_server_metadata(headers=headers())["extensions"]
    for version in ("", "1"):
        metadata = client.get_model_metadata("prices", version, headers=headers())
        assert metadata["versions"] == ["1"]
        assert [(one["name"], one["datatype"]) for one in metadata["inputs"]] == [("size", "FP64"), ("count", "INT64")]


@pytest.mark.parametrize("binary", [True, False])
def test_predictions_are_those_of_our_own_protocol(api: Api, client: Any, binary: bool) -> None:
    expected = [answer["prediction"] for answer in api.predict("prices", ROWS)]
    outputs = [triton.InferRequestedOutput("prediction", binary_data=binary)]
    found = client.infer("prices", prices(binary=binary), outputs=outputs, request_id="42", headers=headers())
    assert found.as_numpy("prediction").tolist() == expected
    assert found.get_response()["id"] == "42"
    by_default = client.infer("prices", prices(binary=True), model_version="1", headers=headers())
    assert by_default.as_numpy("prediction").tolist() == expected
    matrix = given("inputs", "FP64", [[row["size"], row["count"]] for row in ROWS], binary=binary)
    assert client.infer("prices", [matrix], headers=headers()).as_numpy("prediction").tolist() == expected


def test_texts_dates_and_missing_values(api: Api, client: Any) -> None:
    def texts(name: str, values: list[Any]) -> Any:
        array = np.array([str(value or "").encode() for value in values], dtype=object)
        return triton.InferInput(name, [len(values)], "BYTES").set_data_from_numpy(array)

    def column(name: str) -> list[Any]:
        return [row[name] for row in VISITS]

    inputs = [
        given("size", "FP32", np.array(column("size"), dtype=np.float32)),
        given("count", "INT32", np.array(column("count"), dtype=np.int32)),
        given("new", "BOOL", column("new")),
        texts("colour", column("colour")),
        given("weight", "FP64", np.array(column("weight"), dtype=np.float64)),
        texts("seen", column("seen")),
        given("seen.missing", "BOOL", [value is None for value in column("seen")]),
    ]
    expected = api.predict("visits", VISITS)
    found = client.infer("visits", inputs, headers=headers())
    assert [text.decode() for text in found.as_numpy("prediction")] == [answer["prediction"] for answer in expected]
    classes: Any = [answer["probabilities"] for answer in expected]
    assert found.as_numpy("probabilities").tolist() == [list(row.values()) for row in classes]


@pytest.mark.parametrize("algorithm", ["gzip"])
def test_compressed_requests(api: Api, client: Any, algorithm: str) -> None:
    found = client.infer("prices", prices(binary=True), headers=headers(), request_compression_algorithm=algorithm)
    assert found.as_numpy("prediction").tolist() == [answer["prediction"] for answer in api.predict("prices", ROWS)]


def test_errors_are_read_by_the_client(client: Any) -> None:
    def message(**sent: str) -> str:
        with pytest.raises(InferenceServerException) as caught:
            client.infer("prices", [given("size", "FP64", [1.0])], headers=sent)
        return str(caught.value)

    assert message(**headers()) == "[400] count: is missing"
    assert "[401] send the key" in message()
    with pytest.raises(InferenceServerException, match="404"):
        client.get_model_metadata("nothing", headers=headers())


def test_the_repository(client: Any) -> None:
    index = client.get_model_repository_index(headers=headers())
    assert {"name": "prices", "version": "1", "state": "READY"} in index
    client.load_model("prices", headers=headers())
    with pytest.raises(InferenceServerException, match="LOADABLE_MODELS"):
        client.load_model("visits", headers=headers())
    with pytest.raises(InferenceServerException, match="the registry says what serves"):
        client.unload_model("prices", headers=headers())
