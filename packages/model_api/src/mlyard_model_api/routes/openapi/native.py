"""Our own protocol: models, and predictions of rows or columns."""

from mlyard_shared.manifest import Manifest

from mlyard_model_api.protocols.media_types import ARROW, CSV, JSON, PARQUET
from mlyard_model_api.routes.openapi import schemas
from mlyard_model_api.routes.openapi.components import ref
from mlyard_model_api.routes.openapi.parts import (
    BYTES,
    OPEN,
    PREDICTING,
    READING,
    Served,
    answer,
    errors,
    name_parameter,
)
from mlyard_model_api.routes.openapi.schemas import Json

_ERROR = ref("ErrorAnswer")
_ALWAYS = ["id", "prediction"]
_WHICH: list[Json] = [
    {
        "name": "version",
        "in": "query",
        "description": "A version that is loaded, in place of the one that serves.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    },
    {
        "name": "alias",
        "in": "query",
        "description": "The same by its alias: `previous` served before.",
        "schema": {"type": "string", "enum": ["champion", "previous"]},
    },
]


def paths(served: list[Served], default: Served | None) -> Json:
    """The addresses; those of predictions are told for each model, with its own columns."""
    name = [name_parameter("name", served)]
    found: Json = {
        "/health/live": {"get": _health("The process answers", (200,))},
        "/health/ready": {"get": _health("Every model that should be served is", (200, 503))},
        "/metrics": {"get": _metrics()},
        "/models": {"get": _read("The models that are served", "ModelList", (401,))},
        "/models/{name}": {"get": _read("One model", "ModelDetails", READING), "parameters": name},
        "/models/{name}/versions": {
            "get": _read("The versions of a model that are loaded or were refused", "ModelVersions", READING),
            "parameters": name,
        },
    }
    for model in served:
        found[f"/models/{model.name}/predict"] = {"post": _predict(model, f"Predict with {model.name}")}
    if default is not None:
        found["/predict"] = {"post": _predict(default, f"Predict with the default model, {default.name}")}
    return found


def components(model: Served) -> Json:
    """What a model takes and answers."""
    rows = {"type": "array", "items": model.ref("Row"), "minItems": 1}
    either = [_object({"rows": rows}), _object({"columns": model.ref("Columns")})]
    return {
        model.component("Row"): schemas.row(model.manifest),
        model.component("Columns"): schemas.columns(model.manifest),
        model.component("Request"): {"oneOf": either},
        model.component("Answer"): _answer(model),
    }


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _answer(model: Served) -> Json:
    manifest = model.manifest
    row: Json = {
        "id": {"type": "string", "format": "uuid", "description": "A UUIDv7 of this prediction."},
        "prediction": schemas.label(manifest),
        "probabilities": {
            "type": "object",
            "nullable": True,
            "additionalProperties": {"type": "number"},
            "description": "The probability of each class; null where the model gives none.",
        },
    }
    answer: Json = {"model": {"type": "string", "enum": [model.name]}, "version": {"type": "integer"}}
    if manifest.decision is not None:
        margin = "How far the probabilities are from those at which the label would change; with `output=decision`."
        row["margin"] = {"type": "number", "description": margin}
        answer["decision"] = {"type": "object", "description": "The rule that made the labels; with `output=decision`."}
    if manifest.conformal is not None:
        row |= _by_level(manifest)
    answer["predictions"] = {"type": "array", "items": {"type": "object", "properties": row, "required": _ALWAYS}}
    return {
        "type": "object",
        "description": "The answers for all rows, in their order, by one version.",
        "properties": answer,
        "required": ["model", "version", "predictions"],
    }


def _by_level(manifest: Manifest) -> Json:
    """What conformal quantiles give, by their levels."""
    number = {"type": "number"}
    if manifest.task == "regression":
        interval = {"type": "object", "properties": {"low": number, "high": number}, "required": ["low", "high"]}
        return {"intervals": {"type": "object", "additionalProperties": interval}}
    chosen = {"type": "array", "items": schemas.kinds(manifest.classes)}
    return {"sets": {"type": "object", "additionalProperties": chosen}}


def _predict(model: Served, summary: str) -> Json:
    row = schemas.example_row(model.manifest)
    examples = {
        "rows": {"value": {"rows": [row]}},
        "columns": {"value": {"columns": {name: [value, value] for name, value in row.items()}}},
    }
    content: Json = {
        JSON: {"schema": model.ref("Request"), "examples": examples},
        CSV: {"schema": {"type": "string"}, "example": schemas.example_csv(model.manifest)},
    }
    answered = answer("A prediction for each row", model.ref("Answer"))
    if model.has_arrow:
        content |= {PARQUET: {"schema": BYTES}, ARROW: {"schema": BYTES}}
        answered["content"][ARROW] = {"schema": BYTES}
    return {
        "tags": ["predictions"],
        "summary": summary,
        "description": model.about,
        "parameters": [*_WHICH, _output(model.manifest)],
        "requestBody": {"required": True, "content": content},
        "responses": {"200": answered, **errors((*PREDICTING, 406), _ERROR)},
    }


def _output(manifest: Manifest) -> Json:
    names = ["label"]
    names += ["probabilities"] if manifest.task == "classification" else []
    names += ["decision"] if manifest.decision is not None else []
    names += ["conformal"] if manifest.conformal is not None else []
    return {
        "name": "output",
        "in": "query",
        "style": "form",
        "explode": False,
        "description": "What an answer holds beside each label, which it always has.",
        "schema": {"type": "array", "items": {"type": "string", "enum": names}, "uniqueItems": True, "minItems": 1},
    }


def _read(summary: str, component: str, statuses: tuple[int, ...]) -> Json:
    responses = {"200": answer(summary, ref(component)), **errors(statuses, _ERROR)}
    return {"tags": ["models"], "summary": summary, "responses": responses}


def _health(summary: str, statuses: tuple[int, ...]) -> Json:
    meaning = {200: "Yes", 503: "Not yet, and why"}
    responses = {str(status): answer(meaning[status], ref("Health")) for status in statuses}
    return {
        "tags": ["health"],
        "summary": summary,
        "security": OPEN,
        "responses": {**responses, "default": errors((), _ERROR)["default"]},
    }


def _metrics() -> Json:
    page = answer("Figures in the form of Prometheus", {"type": "string"}, media_type="text/plain")
    return {"tags": ["health"], "summary": "Metrics", "responses": {"200": page, **errors((401,), _ERROR)}}
