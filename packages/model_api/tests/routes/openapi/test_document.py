"""The document describes the models that serve, and what is answered."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from ...conftest import Start, serves, until
from ...fake_registry import FakeRegistry
from ...versions import PENGUIN, write_full_version

pytestmark = pytest.mark.anyio
Document = dict[str, Any]

OPEN_INFERENCE = {
    "/v2/health/live": "get",
    "/v2/health/ready": "get",
    "/v2/": "get",
    "/v2/models/{MODEL_NAME}/versions/{MODEL_VERSION}": "get",
    "/v2/models/{MODEL_NAME}/versions/{MODEL_VERSION}/ready": "get",
    "/v2/models/{MODEL_NAME}/versions/{MODEL_VERSION}/infer": "post",
}
"""The operations of the protocol's public description, open_inference_rest.yaml; there a $ stands before parameters."""
FIELDS = {
    "metadata_server_response": {"name", "version", "extensions"},
    "metadata_server_error_response": {"error"},
    "metadata_model_response": {"name", "versions", "platform", "inputs", "outputs"},
    "metadata_tensor": {"name", "datatype", "shape"},
    "metadata_model_error_response": {"error"},
    "inference_request": {"id", "parameters", "inputs", "outputs"},
    "request_input": {"name", "shape", "datatype", "parameters", "data"},
    "request_output": {"name", "parameters"},
    "response_output": {"name", "shape", "datatype", "parameters", "data"},
    "inference_response": {"model_name", "model_version", "id", "parameters", "outputs"},
    "inference_error_response": {"error"},
}


async def document(client: httpx.AsyncClient) -> Document:
    found: Document = (await client.get("/openapi.json")).json()
    assert found["openapi"] == "3.0.3"
    return found


async def test_a_model_is_described_by_its_own_columns(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        found = await document(client)
    row = found["components"]["schemas"]["penguins.Row"]
    assert row["required"] == ["bill", "mass", "sex", "island", "tagged", "seen"]
    assert row["additionalProperties"] is False
    columns = row["properties"]
    assert columns["bill"] | {"type": "number", "nullable": True, "example": 39.1} == columns["bill"]
    assert columns["mass"]["type"] == "integer"
    assert "nullable" not in columns["mass"]
    assert columns["sex"]["enum"] == ["female", "male", None]
    assert columns["tagged"]["type"] == "boolean"
    assert row["example"]["seen"] == "2026-03-31T18:30:00Z"
    answer = found["components"]["schemas"]["penguins.Answer"]
    prediction = answer["properties"]["predictions"]["items"]["properties"]["prediction"]
    assert (prediction["type"], prediction["enum"]) == ("string", ["Adelie", "Chinstrap", "Gentoo"])


async def test_the_document_changes_with_the_models(start: Start, registry: FakeRegistry) -> None:
    registry.promote("diabetes", 1)
    async with start() as client:
        before = await client.get("/openapi.json")
        assert (await client.get("/openapi.json")).content == before.content
        # It is the only one, and with it the default.
        assert "/predict" in before.json()["paths"]
        registry.promote("diabetes", 2)
        await until(lambda: serves(client, "diabetes", 2))
        again = (await document(client))["paths"]["/models/diabetes/predict"]["post"]
        assert again["description"].startswith("Version 2 predicts")
        registry.promote("penguins", 1)
        await until(lambda: serves(client, "penguins", 1))
        paths = (await document(client))["paths"]
    assert {"/models/penguins/predict", "/models/diabetes/predict"} <= paths.keys()
    assert "/predict" not in paths
    assert "/invocations" not in paths


async def test_examples_are_answered_as_the_document_says(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    registry.promote("diabetes", 1)
    async with start(default_model="penguins") as client:
        await until(lambda: serves(client, "diabetes", 1))
        found = await document(client)
        tried = 0
        for path, operations in found["paths"].items():
            content = operations.get("post", {}).get("requestBody", {}).get("content", {})
            for name, example in content.get("application/json", {}).get("examples", {}).items():
                address = path.replace("{MODEL_NAME}", name).replace("{MODEL_VERSION}", "1")
                answer = await client.post(address, json=example["value"])
                assert answer.status_code == 200, (address, answer.text)
                tried += 1
            if "text/csv" in content:
                table = content["text/csv"]["example"]
                answer = await client.post(path, content=table, headers={"Content-Type": "text/csv"})
                assert answer.status_code == 200, (path, answer.text)
    assert tried >= 3 * 5 + 2 * 2


async def test_our_own_answers_have_the_fields_that_are_told(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        found = await document(client)
        answers = {
            "ModelList": await client.get("/models"),
            "ModelDetails": await client.get("/models/penguins"),
            "ModelVersions": await client.get("/models/penguins/versions"),
            "Health": await client.get("/health/ready"),
            "penguins.Answer": await client.post("/models/penguins/predict", json={"rows": [PENGUIN]}),
            "ErrorAnswer": await client.post("/models/penguins/predict", json={"rows": []}),
        }
    schemas = found["components"]["schemas"]
    for name, answer in answers.items():
        assert answer.json().keys() <= schemas[name]["properties"].keys(), name
        assert answer.json().keys() >= set(schemas[name]["required"]), name
    version = answers["ModelVersions"].json()["versions"][0]
    assert version.keys() == schemas["LoadedVersion"]["properties"].keys()
    assert "'type': 'null'" not in str(found)
    assert "'const'" not in str(found)


async def test_what_an_answer_may_hold_is_told(
    start: Start, registry: FakeRegistry, fitted: Any, tmp_path: Path
) -> None:
    registry.register("penguins", 2, tmp_path / "full", write_full_version(tmp_path / "full", fitted))
    registry.promote("penguins", 2)
    registry.promote("diabetes", 1)
    async with start() as client:
        found = await document(client)
        asked = {"output": "label,probabilities,decision,conformal"}
        answer = (await client.post("/models/penguins/predict", params=asked, json={"rows": [PENGUIN]})).json()
    told = found["components"]["schemas"]["penguins.Answer"]["properties"]
    assert answer.keys() == told.keys()
    assert answer["predictions"][0].keys() == told["predictions"]["items"]["properties"].keys()
    for name, outputs in (("penguins", ["label", "probabilities", "decision", "conformal"]), ("diabetes", ["label"])):
        parameters = found["paths"][f"/models/{name}/predict"]["post"]["parameters"]
        assert parameters[-1]["name"] == "output"
        assert parameters[-1]["schema"]["items"]["enum"] == outputs


async def test_v2_is_described_as_the_protocol_does(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        found = await document(client)
    for path, method in OPEN_INFERENCE.items():
        assert method in found["paths"][path]
        for status, answer in found["paths"][path][method]["responses"].items():
            schema = answer["content"]["application/json"]["schema"]
            assert status == "200" or schema == {"$ref": "#/components/schemas/inference_error_response"}
    schemas = found["components"]["schemas"]
    assert {name: set(schemas[name]["properties"]) for name in FIELDS} == FIELDS
    assert schemas["inference_error_response"]["properties"]["error"] == {"type": "string"}


async def test_what_needs_no_key_is_told(start: Start) -> None:
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        found = await document(client)
        for path, operations in found["paths"].items():
            for method in {"get", "post"} & operations.keys():
                address = re.sub("{.*?}", "1", path)
                status = (await client.request(method, address)).status_code
                assert (status != 401) == (operations[method].get("security") == []), path


async def test_what_is_set_to_need_no_key_is_told(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start(anonymous_metrics=True, anonymous_predictions=True) as client:
        paths = (await document(client))["paths"]
    assert paths["/metrics"]["get"]["security"] == []
    for path in ("/models/penguins/predict", "/predict", "/invocations", "/v2/models/{MODEL_NAME}/infer"):
        assert paths[path]["post"]["security"] == []
    assert "security" not in paths["/models"]["get"]


async def test_every_reference_leads_somewhere(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        found = await document(client)

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for item in node for ref in references(item)] if isinstance(node, list) else []

    for reference in set(references(found)):
        node = found
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


async def test_the_prefix_of_a_proxy_is_where_the_server_is(start: Start) -> None:
    async with start(ready=False) as client:
        assert (await document(client))["servers"] == [{"url": "/"}]
    async with start(ready=False, path_prefix="/ml/api") as client:
        assert (await document(client))["servers"] == [{"url": "/ml/api"}]
