"""The addresses of the Open Inference Protocol V2, over HTTP."""

import json
from typing import Any

import httpx
import numpy as np
import pytest

from ..conftest import Start, answers, serves, until
from ..fake_registry import FakeRegistry
from ..protocols.v2_requests import in_bytes, tensor
from ..versions import PENGUIN

pytestmark = pytest.mark.anyio
A = tensor("a", "FP64", [1.5, 2.5])
PENGUINS = {
    "inputs": [
        tensor("bill", "FP64", [45.5]),
        tensor("mass", "INT64", [4200]),
        tensor("sex", "BYTES", [None]),
        tensor("island", "BYTES", ["Biscoe"]),
        tensor("tagged", "BOOL", [False]),
        tensor("seen", "BYTES", ["2026-05-01"]),
    ]
}


@pytest.fixture(autouse=True)
def promoted(registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)


async def infer(client: httpx.AsyncClient, document: Any, path: str = "/v2/models/diabetes") -> httpx.Response:
    return await client.post(f"{path}/infer", json=document)


async def test_the_server_tells_of_itself_and_of_each_model(start: Start) -> None:
    async with start() as client:
        for path in ("/v2", "/v2/"):
            server = (await client.get(path)).json()
            assert server["name"] == "mlyard-model-api"
            assert server["extensions"] == ["binary_tensor_data", "model_repository"]
        for path in ("/v2/models/penguins", "/v2/models/penguins/versions/1"):
            model = (await client.get(path)).json()
            assert (model["name"], model["versions"]) == ("penguins", ["1"])
            assert [one["datatype"] for one in model["inputs"]] == ["FP64", "INT64", "BYTES", "BYTES", "BOOL", "BYTES"]
            assert [one["name"] for one in model["outputs"]] == ["prediction", "probabilities"]
            assert (await client.get(f"{path}/ready")).json() == {"name": "penguins", "ready": True}
            assert (await client.head(path)).status_code == 200
        assert (await client.get("/v2/health/live")).json() == {"live": True}
        assert (await client.get("/v2/health/ready")).json() == {"live": True, "ready": True}


async def test_health_needs_no_key_and_says_why_it_is_not_ready(start: Start, registry: FakeRegistry) -> None:
    registry.away = True
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        assert (await client.get("/v2/health/live")).status_code == 200
        response = await client.get("/v2/health/ready")
        assert response.status_code == 503
        assert response.json().keys() == {"error"}
        assert response.headers["Retry-After"] == "1"
        for path in ("/v2", "/v2/models/penguins", "/v2/models/penguins/infer", "/v2/nowhere"):
            refused = await client.get(path)
            assert refused.status_code == 401
            assert "send the key" in refused.json()["error"]
            assert refused.headers["WWW-Authenticate"] == "Bearer"


async def test_inference_answers_as_our_own_protocol_does(start: Start) -> None:
    async with start() as client:
        expected = (await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})).json()["predictions"][0]
        for path in ("/v2/models/penguins", "/v2/models/penguins/versions/1"):
            found = (await infer(client, PENGUINS | {"id": "7"}, path)).json()
            assert (found["model_name"], found["model_version"], found["id"]) == ("penguins", "1", "7")
            prediction, probabilities = found["outputs"]
            assert prediction["data"] == [expected["prediction"]]
            assert probabilities["data"] == list(expected["probabilities"].values())


async def test_inference_in_bytes(start: Start) -> None:
    body, length = in_bytes(("a", "FP64", np.array([1.5, 2.5])), parameters={"binary_data_output": True})
    headers = {"Inference-Header-Content-Length": str(length), "Content-Type": "application/octet-stream"}
    async with start() as client:
        response = await client.post("/v2/models/diabetes/infer", content=body, headers=headers)
        assert response.headers["Content-Type"] == "application/octet-stream"
        size = int(response.headers["Inference-Header-Content-Length"])
        assert np.frombuffer(response.content[size:]).tolist() == [1.0, 1.0]
        assert json.loads(response.content[:size])["outputs"][0]["parameters"] == {"binary_data_size": 16}

        async def in_chunks() -> Any:
            for start_ in range(0, len(body), 7):
                yield body[start_ : start_ + 7]

        chunked = await client.post("/v2/models/diabetes/infer", content=in_chunks(), headers=headers)
        assert chunked.content[size:] == response.content[size:]


async def test_a_version_is_asked_for_by_the_registrys_number(start: Start, registry: FakeRegistry) -> None:
    async with start() as client:
        registry.promote("diabetes", 2)
        await until(lambda: serves(client, "diabetes", 2))
        assert (await client.get("/v2/models/diabetes")).json()["versions"] == ["1", "2"]
        for number in (1, 2):
            found = await infer(client, {"inputs": [A]}, f"/v2/models/diabetes/versions/{number}")
            assert found.json()["outputs"][0]["data"] == [float(number)] * 2
        for text, status in (("3", 404), ("0", 400), ("x", 400), ("1.0", 400), ("01", 400)):
            for end in ("", "/ready"):
                refused = await client.get(f"/v2/models/diabetes/versions/{text}{end}")
                assert (refused.status_code, refused.json().keys()) == (status, {"error"}), text
            assert (await infer(client, {"inputs": [A]}, f"/v2/models/diabetes/versions/{text}")).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/nothing", 404),
        ("GET", "/v2/models/nothing/ready", 404),
        ("POST", "/v2/models/nothing/infer", 404),
        ("GET", "/v2/nowhere", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v2/models/diabetes/infer", 405),
        ("POST", "/v2/models/diabetes", 405),
        ("DELETE", "/v2", 405),
        ("GET", "/v2/repository/index", 405),
    ],
)
async def test_errors_of_addresses_have_the_protocols_form(start: Start, method: str, path: str, status: int) -> None:
    async with start() as client:
        response = await client.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.json().keys() == {"error"}


async def test_errors_of_bodies_have_the_protocols_form_and_no_values(start: Start) -> None:
    wrong: list[tuple[Any, int]] = [
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 120 + b"]" * 120, 400),
        (b"[" * 100_000, 400),
        ({"inputs": [tensor("a", "FP64", [1], [2**60])]}, 413),
        ({"inputs": [tensor("a", "FP64", [1], [-1])]}, 400),
        ({"inputs": [tensor("a", "FP64", [1], [2])]}, 400),
        ({"inputs": [tensor("a", "BYTES", ["secret-value"])]}, 400),
        ({"inputs": [tensor("a", "FP64", ["secret-value"])]}, 400),
        ({"inputs": [tensor("a", "secret-value", [1])]}, 400),
        ({"inputs": [A], "id": ["secret-value"]}, 400),
        ({"inputs": [tensor("a", "FP64", [1] * 101)]}, 413),
    ]
    async with start(max_rows=100) as client:
        for document, status in wrong:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            headers = {"Content-Type": "application/json"}
            response = await client.post("/v2/models/diabetes/infer", content=body, headers=headers)
            assert response.status_code == status, body[:99]
            assert response.json().keys() == {"error"}
            assert "secret-value" not in response.text
        large = await client.post("/v2/models/diabetes/infer", content=b" " * 17_000_000, headers=headers)
        assert (large.status_code, large.json().keys()) == (413, {"error"})
        other = await client.post("/v2/models/diabetes/infer", content=b"a", headers={"Content-Type": "text/csv"})
        assert (other.status_code, other.json().keys()) == (415, {"error"})


async def test_a_fault_of_the_model_is_told_in_the_protocols_form(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlyard_model_api.protocols import v2_outputs

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret-value")

    async with start() as client:
        monkeypatch.setattr(v2_outputs, "encode", broken)
        response = await infer(client, {"inputs": [A]})
    assert response.status_code == 500
    assert response.json().keys() == {"error"}
    assert "secret-value" not in response.text


async def test_the_repository_shows_what_is_loaded_and_what_was_refused(start: Start, registry: FakeRegistry) -> None:
    async with start(trial_seconds=5) as client:
        ready = [
            {"name": "diabetes", "version": "1", "state": "READY"},
            {"name": "penguins", "version": "1", "state": "READY"},
        ]
        assert (await client.post("/v2/repository/index")).json() == ready
        (registry.folders["diabetes", 2] / "model.skops").write_bytes(b"broken")
        registry.promote("diabetes", 2)
        await until(lambda: is_refused(client))
        index = (await client.post("/v2/repository/index", json={})).json()
        assert index[:1] + index[2:] == ready
        assert (index[1]["version"], index[1]["state"]) == ("2", "UNAVAILABLE")
        assert index[1]["reason"]
        assert (await client.post("/v2/repository/index", json={"ready": True})).json() == ready
        for body in (b"[]", b"{", b'{"ready": 1}', b'{"x": 1}', b'{"ready": true, "ready": true}', b" " * 70_000):
            response = await client.post("/v2/repository/index", content=body)
            assert response.status_code in (400, 413)
            assert response.json().keys() == {"error"}


async def is_refused(client: httpx.AsyncClient) -> bool:
    return (await client.get("/models/diabetes")).json()["refused"] is not None


async def test_loading_is_for_the_models_of_a_setting(start: Start) -> None:
    async with start() as client:
        response = await client.post("/v2/repository/models/diabetes/load", json={})
        assert response.status_code == 403
        assert "LOADABLE_MODELS" in response.json()["error"]
    async with start(loadable_models=("diabetes",)) as client:
        assert (await client.post("/v2/repository/models/diabetes/load", json={})).status_code == 200
        assert (await client.post("/v2/repository/models/diabetes/load")).status_code == 200
        assert (await client.post("/v2/repository/models/penguins/load", json={})).status_code == 403
        wrongs: tuple[object, ...] = (False, 0, "", [])
        for wrong in wrongs:
            response = await client.post("/v2/repository/models/diabetes/load", json={"parameters": wrong})
            assert response.status_code == 400
        changed = await client.post("/v2/repository/models/diabetes/load", json={"parameters": {"config": "{}"}})
        assert changed.status_code == 403
        unload = await client.post("/v2/repository/models/diabetes/unload", json={"parameters": {}})
        assert unload.status_code == 403
        assert "the registry says what serves" in unload.json()["error"]
    async with start(loadable_models=("*",)) as client:
        assert (await client.post("/v2/repository/models/nothing/load", json={})).status_code == 404


async def test_loading_tries_again_what_was_refused(start: Start, registry: FakeRegistry) -> None:
    file = registry.folders["diabetes", 2] / "model.skops"
    right = file.read_bytes()
    file.write_bytes(b"broken")
    async with start(loadable_models=("*",)) as client:
        registry.promote("diabetes", 2)
        await until(lambda: is_refused(client))
        again = await client.post("/v2/repository/models/diabetes/load", json={})
        assert again.status_code == 503
        assert "version 2 was refused" in again.json()["error"]
        file.write_bytes(right)
        assert (await client.post("/v2/repository/models/diabetes/load", json={})).status_code == 200
        assert await serves(client, "diabetes", 2)
        assert await answers(client, "/v2/models/diabetes/versions/2/ready", 200)
