"""MLflow's scoring protocol, for the default model and for each."""

from mlyard_shared.columns import GRAMMARS

from mlyard_model_api.protocols.media_types import CSV, JSON
from mlyard_model_api.routes.openapi import schemas
from mlyard_model_api.routes.openapi.components import ref
from mlyard_model_api.routes.openapi.parts import (
    OPEN,
    PREDICTING,
    READING,
    Served,
    answer,
    errors,
    name_parameter,
)
from mlyard_model_api.routes.openapi.schemas import Json

_ERROR = ref("MlflowError")
_TAG = "MLflow scoring protocol"
_VERSION = "The MLflow whose protocol this is"
_OPEN: Json = {"security": OPEN}


def paths(served: list[Served], default: Served | None) -> Json:
    """The addresses; those of one model begin as its own address does."""
    names = [name_parameter("name", served)]
    found: Json = {
        "/version": {"get": _text(_VERSION, "3.17.2") | _OPEN},
        "/models/{name}/version": {"get": _text(_VERSION, "3.17.2"), "parameters": names},
    }
    for ping in ("ping", "health"):
        found[f"/{ping}"] = {"get": _text("Does the default model serve?", "\n") | _OPEN}
        found[f"/models/{{name}}/{ping}"] = {"get": _text("Does the model serve?", "\n"), "parameters": names}
    for model in served:
        found[f"/models/{model.name}/invocations"] = {"post": _invoke(model, f"Predict with {model.name}")}
    if default is not None:
        found["/invocations"] = {"post": _invoke(default, f"Predict with the default model, {default.name}")}
    return found


def components(served: list[Served]) -> Json:
    """The bodies of each model, and the error."""
    text = {"type": "string"}
    error = {
        "type": "object",
        "properties": {"error_code": text, "message": text},
        "required": ["error_code", "message"],
    }
    found: Json = {"MlflowError": error}
    for model in served:
        records = _list(model.ref("Row"))
        listed = [records, *_by_position(model)]
        forms = {
            "dataframe_records": records,
            "dataframe_split": _split(model),
            "instances": {"anyOf": listed},
            "inputs": {"anyOf": [model.ref("Columns"), model.ref("Row"), *listed]},
        }
        found[model.component("Invocations")] = {"oneOf": [_form(name, value) for name, value in forms.items()]}
        predictions = {"type": "array", "items": schemas.label(model.manifest)}
        found[model.component("Scores")] = {
            "type": "object",
            "properties": {"predictions": predictions},
            "required": ["predictions"],
        }
    return found


def _form(name: str, value: Json) -> Json:
    none: Json = {"type": "object", "maxProperties": 0, "nullable": True, "description": "These models take none."}
    properties = {name: value, "params": none}
    return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items, "minItems": 1}


def _split(model: Served) -> Json:
    names = [column.name for column in model.manifest.input_schema.columns]
    exactly = {"uniqueItems": True, "minItems": len(names), "maxItems": len(names)}
    properties = {
        "columns": {"type": "array", "items": {"type": "string", "enum": names}, "nullable": True, **exactly},
        "index": {"type": "array", "items": {}, "nullable": True},
        "data": _by_position(model)[0],
    }
    return {"type": "object", "properties": properties, "required": ["data"], "additionalProperties": False}


def _by_position(model: Served) -> list[Json]:
    """Rows as the values of their columns, in order; of one column also as its values alone."""
    columns = model.manifest.input_schema.columns
    rows = _list({"type": "array", "items": {}, "minItems": len(columns), "maxItems": len(columns)})
    if len(columns) > 1:
        return [rows]
    return [rows, _list(schemas.cell(columns[0], GRAMMARS[model.manifest.grammar]))]


def _invoke(model: Served, summary: str) -> Json:
    row = schemas.example_row(model.manifest)
    split = {"columns": [*row], "data": [[*row.values()]]}
    examples = {
        "dataframe_records": {"value": {"dataframe_records": [row]}},
        "dataframe_split": {"value": {"dataframe_split": split}},
        "inputs": {"value": {"inputs": {name: [value] for name, value in row.items()}}},
    }
    return {
        "tags": [_TAG],
        "summary": summary,
        "description": model.about,
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": model.ref("Invocations"), "examples": examples},
                CSV: {"schema": {"type": "string"}, "example": schemas.example_csv(model.manifest)},
            },
        },
        "responses": {
            "200": answer("The prediction of each row", model.ref("Scores")),
            **errors(PREDICTING, _ERROR, media_type=JSON),
        },
    }


def _text(summary: str, example: str) -> Json:
    ok = answer(summary)
    ok["content"] = {JSON: {"example": example}}
    return {
        "tags": [_TAG],
        "summary": summary,
        "responses": {"200": ok, **errors(READING, _ERROR, media_type=JSON)},
    }
