"""What is served, and predictions."""

from collections.abc import Mapping

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response
from starlette.types import Scope

from mlyard_model_api.protocols import native
from mlyard_model_api.routes.answers import ErrorAnswer, ModelDetails, ModelList, ModelSummary, PredictionAnswer
from mlyard_model_api.routes.dispatch import PredictionRoute
from mlyard_model_api.routes.selection import by_query
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import ServedVersion

_REASONS = {
    400: "The body is not JSON",
    401: "No key, or a wrong one",
    404: "No such model",
    408: "The body did not arrive in time",
    413: "Too many bytes or rows",
    415: "The body is not said to be JSON",
    422: "The rows break the model's schema, or the model has no finite answer for one",
    500: "The model failed",
    503: "No version of the model serves yet, too much waits, or there was no answer in time",
}
_ROW = {"type": "object", "additionalProperties": {}, "description": "Each column of the schema, and its value."}
_COLUMNS = {"type": "object", "additionalProperties": {"type": "array", "items": {}, "minItems": 1}}
_BODY = {
    "required": True,
    "description": "Rows as records, or columns as lists of equal length. The model's own page shows its columns.",
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {"rows": {"type": "array", "minItems": 1, "items": _ROW}},
                        "required": ["rows"],
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "properties": {"columns": _COLUMNS},
                        "required": ["columns"],
                        "additionalProperties": False,
                    },
                ]
            }
        }
    },
}


def prediction_routes() -> tuple[PredictionRoute, ...]:
    """Where predictions are asked for in our own protocol."""
    return (
        PredictionRoute("/models/{name}/predict", native.PROTOCOL, _named),
        PredictionRoute("/predict", native.PROTOCOL, _default),
    )


def router(models: Models) -> APIRouter:
    """Return the routes of models."""
    # KeyDoor enforces it; this tells OpenAPI.
    key = Security(HTTPBearer(auto_error=False, description="The key of this API."))
    routes = APIRouter(tags=["models"], dependencies=[key])

    @routes.get("/models", summary="The models that are served", responses=_errors(401))
    async def list_models() -> ModelList:
        found = (models.slot(name).current for name in models.names())
        return ModelList(models=tuple(ModelSummary.of(served) for served in found if served is not None))

    @routes.get("/models/{name}", summary="One model", response_model=ModelDetails, responses=_errors(401, 404, 503))
    def get_model(name: str) -> Response:
        # In a thread: thousands of columns take a while.
        details = ModelDetails.of(*models.serving(name))
        return Response(details.model_dump_json(by_alias=True), media_type="application/json")

    @routes.post(
        "/models/{name}/predict",
        summary="Predict",
        response_model=PredictionAnswer,
        responses=_errors(400, 401, 404, 408, 413, 415, 422, 500, 503),
        openapi_extra={"requestBody": _BODY},
    )
    async def predict(name: str) -> Response:
        raise AssertionError(f"{name}: `Dispatch` answers it")  # this tells OpenAPI, and which methods there are

    @routes.post("/predict", include_in_schema=False)
    async def predict_by_default() -> Response:
        raise AssertionError("`Dispatch` answers it")

    return routes


def _errors(*statuses: int) -> dict[int | str, dict[str, object]]:
    return {status: {"model": ErrorAnswer, "description": _REASONS[status]} for status in statuses}


def _named(models: Models, parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, parameters["name"], scope["query_string"])


def _default(models: Models, _parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, models.default(), scope["query_string"])
