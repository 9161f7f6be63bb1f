"""The addresses of MLflow's scoring protocol, over HTTP."""

import json
from typing import Any

import pytest
from mlyard_model_api.routes.mlflow import VERSION

from ..conftest import KEY, Start
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN

pytestmark = pytest.mark.anyio
RECORDS = {"dataframe_records": [PENGUIN]}


@pytest.fixture(autouse=True)
def promoted(registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)


async def test_the_default_model_and_each_by_its_base_answer_as_our_own_protocol_does(start: Start) -> None:
    async with start(default_model="penguins") as client:
        expected = (await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})).json()["predictions"]
        for base in ("", "/models/penguins"):
            found = await client.post(f"{base}/invocations", json=RECORDS)
            assert found.json() == {"predictions": [answer["prediction"] for answer in expected]}
            for path in ("/ping", "/health"):
                assert (await client.get(f"{base}{path}")).text == "\n"
            assert (await client.get(f"{base}/version")).text == VERSION
        other = await client.post("/models/diabetes/invocations?version=1", json={"inputs": [[1.5], [2]]})
        assert other.json() == {"predictions": [1.0, 1.0]}
        unknown = await client.post("/models/diabetes/invocations?version=2", json={"inputs": [[1.5], [2]]})
        assert (unknown.status_code, unknown.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_only_predictions_and_single_models_need_the_key(start: Start) -> None:
    async with start(default_model="penguins") as client:
        del client.headers["Authorization"]
        for path in ("/ping", "/health", "/version"):
            assert (await client.get(path)).status_code == 200
        for method, path in (("POST", "/invocations"), ("POST", "/models/x/invocations"), ("GET", "/models/x/ping")):
            refused = await client.request(method, path, json=RECORDS)
            assert refused.status_code == 401
            assert refused.json().keys() == {"error_code", "message"}
            assert refused.json()["error_code"] == "UNAUTHENTICATED"
        assert (await client.post("/invocations", json=RECORDS, auth=("anyone", KEY))).status_code == 200


async def test_predictions_without_a_key_are_a_setting(start: Start) -> None:
    columns: dict[str, Any] = {"columns": {"a": [1]}}
    asked: list[tuple[str, Any]] = [
        ("/predict", columns),
        ("/models/diabetes/predict", columns),
        ("/invocations", {"inputs": [1]}),
        ("/models/diabetes/invocations", {"inputs": [1]}),
        ("/v2/models/diabetes/infer", {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}),
    ]
    for is_open in (False, True):
        async with start(default_model="diabetes", anonymous_predictions=is_open) as client:
            del client.headers["Authorization"]
            for path, document in asked:
                assert (await client.post(path, json=document)).status_code == (200 if is_open else 401), path
            for path in ("/models", "/models/diabetes", "/v2/models/diabetes", "/metrics"):
                assert (await client.get(path)).status_code == 401
            assert (await client.post("/v2/repository/models/diabetes/load")).status_code == 401


async def test_errors_have_mlflows_form_and_no_values(start: Start) -> None:
    wrong: list[tuple[Any, str, int]] = [
        (b"{", "BAD_REQUEST", 400),
        ({"dataframe_records": [PENGUIN | {"mass": "secret-value"}]}, "INVALID_PARAMETER_VALUE", 400),
        ({"dataframe_records": [PENGUIN | {"mass": 1.5}]}, "INVALID_PARAMETER_VALUE", 400),
        ({"inputs": [["secret-value"]]}, "INVALID_PARAMETER_VALUE", 400),
        ({"dataframe_records": [PENGUIN] * 11}, "BAD_REQUEST", 413),
    ]
    async with start(default_model="penguins", max_rows=10) as client:
        for document, code, status in wrong:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            response = await client.post("/invocations", content=body, headers={"Content-Type": "application/json"})
            assert response.status_code == status
            assert response.json()["error_code"] == code
            assert "secret-value" not in response.text
        placed = (await client.post("/invocations", json={"dataframe_records": [PENGUIN | {"mass": None}]})).json()
        assert placed["message"] == "row 0, mass: null is not allowed here"
        for method, path, status, code in (
            ("POST", "/models/nothing/invocations", 404, "RESOURCE_DOES_NOT_EXIST"),
            ("GET", "/models/nothing/ping", 404, "RESOURCE_DOES_NOT_EXIST"),
            ("GET", "/invocations", 405, "BAD_REQUEST"),
            ("POST", "/ping", 405, "BAD_REQUEST"),
        ):
            response = await client.request(method, path, json=RECORDS)
            assert (response.status_code, response.json()["error_code"]) == (status, code)
        other = await client.post("/invocations", content=b"a", headers={"Content-Type": "text/plain"})
        assert (other.status_code, other.json()["error_code"]) == (415, "BAD_REQUEST")


async def test_without_a_default_model_nothing_is_pinged(start: Start, registry: FakeRegistry) -> None:
    async with start() as client:
        response = await client.get("/ping")
        assert (response.status_code, response.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    registry.away = True
    async with start(default_model="penguins", ready=False, cache=registry.folders["penguins", 1]) as client:
        response = await client.get("/ping")
        assert (response.status_code, response.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
