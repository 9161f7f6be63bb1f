"""The Open Inference Protocol V2, with the paths, fields and names of its public description.

Source: https://github.com/kserve/open-inference-protocol, specification/protocol/open_inference_rest.yaml; what is
answered beyond it is told beside it.
"""

from mlyard_shared.columns import ColumnType
from mlyard_shared.schema import Value

from mlyard_model_api.protocols.media_types import JSON
from mlyard_model_api.routes.openapi.components import ref
from mlyard_model_api.routes.openapi.parts import (
    OPEN,
    PREDICTING,
    READING,
    Served,
    answer,
    errors,
    name_parameter,
    version_parameter,
)
from mlyard_model_api.routes.openapi.schemas import Json

_TAG = "Open Inference Protocol V2"
_ERROR = ref("inference_error_response")
_DATATYPES: dict[ColumnType, str] = {
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "category": "BYTES",
    "datetime": "BYTES",
}
_TEXT: Json = {"type": "string"}
_TEXTS: Json = {"type": "array", "items": _TEXT}
_LOAD: Json = {
    "type": "object",
    "properties": {"parameters": {"type": "object", "maxProperties": 0, "nullable": True}},
}
_SHAPE: Json = {"type": "array", "items": {"type": "integer"}}


def paths(served: list[Served]) -> Json:
    """The addresses."""
    found: Json = {
        "/v2/health/live": {"get": _get("Server live", security=OPEN)},
        "/v2/health/ready": {"get": _get("Server ready", statuses=(503,), security=OPEN)},
        "/v2": {"get": _get("Server metadata", "metadata_server_response", statuses=(401,))},
        "/v2/": {"get": _get("Server metadata", "metadata_server_response", statuses=(401,))},
    }
    for base in ("/v2/models/{MODEL_NAME}", "/v2/models/{MODEL_NAME}/versions/{MODEL_VERSION}"):
        parameters = _parameters(base, served)
        found[base] = {"get": _get("Model metadata", "metadata_model_response"), "parameters": parameters}
        found[f"{base}/ready"] = {"get": _get("Model ready"), "parameters": parameters}
        # An example of a name would be no example beside the body of another model.
        found[f"{base}/infer"] = {"post": _infer(served), "parameters": _parameters(base, [])}
    return found | _repository()


def _parameters(base: str, served: list[Served]) -> list[Json]:
    """The parts of an address, with the served models as examples."""
    numbered = [version_parameter("MODEL_VERSION", served)] if "{MODEL_VERSION}" in base else []
    return [name_parameter("MODEL_NAME", served), *numbered]


def components() -> Json:
    """The objects by the names that the public description gives them."""
    parameters = {"parameters": ref("parameters")}
    described = {"name": _TEXT, "shape": _SHAPE, "datatype": _TEXT}
    tensor = {**described, **parameters, "data": ref("tensor_data")}
    tensors = {"type": "array", "items": ref("metadata_tensor")}
    item = [ref("tensor_data"), {"type": "number"}, {"type": "string"}, {"type": "boolean"}]
    identity = {"id": {"type": "string", "nullable": True}, **parameters}
    error = {"error": _TEXT}
    return {
        "metadata_server_response": _object({"name": _TEXT, "version": _TEXT, "extensions": _TEXTS}),
        "metadata_server_error_response": _object(error),
        "metadata_model_response": _object(
            {"name": _TEXT, "versions": _TEXTS, "platform": _TEXT, "inputs": tensors, "outputs": tensors},
            required=("name", "platform"),
        ),
        "metadata_tensor": _object(described),
        "metadata_model_error_response": _object(error),
        "inference_request": _object(
            {
                **identity,
                "inputs": {"type": "array", "items": ref("request_input")},
                "outputs": {"type": "array", "items": ref("request_output"), "nullable": True},
            },
            required=("inputs",),
        ),
        "parameters": {"type": "object", "nullable": True},
        "request_input": _object(tensor, required=("name", "shape", "datatype", "data")),
        "tensor_data": {"type": "array", "items": {"anyOf": item, "nullable": True}},
        "request_output": _object({"name": _TEXT, **parameters}, required=("name",)),
        "response_output": _object(tensor, required=("name", "shape", "datatype", "data")),
        "inference_response": _object(
            {
                "model_name": _TEXT,
                "model_version": _TEXT,
                **identity,
                "outputs": {"type": "array", "items": ref("response_output")},
            },
            required=("model_name", "outputs"),
        ),
        "inference_error_response": _object(error),
        "repository_model": _object(
            {"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT}, required=("name", "version", "state")
        ),
    }


def _object(properties: Json, *, required: tuple[str, ...] | None = None) -> Json:
    names = [*(properties if required is None else required)]
    return {"type": "object", "properties": properties} | ({"required": names} if names else {})


def _get(
    summary: str,
    component: str | None = None,
    *,
    statuses: tuple[int, ...] = READING,
    security: list[Json] | None = None,
) -> Json:
    ok = answer("OK", ref(component) if component is not None else {"type": "object"})
    responses = {"200": ok, **errors(statuses, _ERROR, media_type=JSON)}
    found: Json = {"tags": [_TAG], "summary": summary, "responses": responses}
    return found if security is None else found | {"security": security}


def _infer(served: list[Served]) -> Json:
    examples = {model.name: {"value": {"inputs": _inputs(model)}} for model in served}
    body: Json = {"schema": ref("inference_request")}
    if examples:
        body["examples"] = examples
    return {
        "tags": [_TAG],
        "summary": "Inference",
        "description": "One input a column, of shape [n] or [n, 1]; a model's metadata names them.",
        "requestBody": {"required": True, "content": {JSON: body}},
        "responses": {
            "200": answer("OK", ref("inference_response")),
            **errors(PREDICTING, _ERROR, media_type=JSON),
        },
    }


def _repository() -> Json:
    """Triton's extension for model repositories."""
    asked = {"type": "object", "properties": {"ready": {"type": "boolean"}, "repository_name": {}}}
    listed = {"type": "array", "items": ref("repository_model")}
    base = "/v2/repository/models/{MODEL_NAME}"
    parameters = _parameters(base, [])
    return {
        "/v2/repository/index": {"post": _control("The models and their states", asked, listed, (400, 401))},
        f"{base}/load": {
            "post": _control("Try a model again that was refused", _LOAD, _object({}), (400, 401, 403, 404, 503)),
            "parameters": parameters,
        },
        f"{base}/unload": {
            "post": _control("Refused: the registry says what serves", None, _object({}), (401, 403)),
            "parameters": parameters,
        },
    }


def _control(summary: str, asked: Json | None, answered: Json, statuses: tuple[int, ...]) -> Json:
    responses = {"200": answer("OK", answered), **errors(statuses, _ERROR, media_type=JSON)}
    found: Json = {"tags": [_TAG], "summary": summary, "responses": responses}
    if asked is not None:
        found["requestBody"] = {"content": {JSON: {"schema": asked | {"additionalProperties": False}}}}
    return found


def _inputs(model: Served) -> list[Json]:
    def of(name: str, kind: ColumnType, value: Value | None) -> Json:
        return {"name": name, "shape": [1], "datatype": _DATATYPES[kind], "data": [value]}

    return [of(column.name, column.type, column.example) for column in model.manifest.input_schema.columns]
