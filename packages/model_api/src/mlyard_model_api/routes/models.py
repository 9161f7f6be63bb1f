"""What is served, and predictions."""

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from mlyard_model_api import prediction
from mlyard_model_api.errors import BodyTooLarge, BrokenBody, MediaTypeRefused
from mlyard_model_api.routes.answers import ErrorAnswer, ModelDetails, ModelList, ModelSummary, PredictionAnswer
from mlyard_model_api.serving.lanes import PredictionThread
from mlyard_model_api.serving.models import Models
from mlyard_model_api.settings import Settings

_REASONS = {
    400: "The body is not JSON",
    401: "No key, or a wrong one",
    404: "No such model",
    413: "Too many bytes or rows",
    415: "The body is not said to be JSON",
    422: "The rows break the model's schema, or the model has no finite answer for one",
    503: "No version of the model serves yet, or too many requests wait",
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


def router(models: Models, worker: PredictionThread, settings: Settings) -> APIRouter:
    """Return the routes of models."""
    # BearerKey enforces it; this tells OpenAPI.
    key = Security(HTTPBearer(auto_error=False, description="The key of this API."))
    routes = APIRouter(prefix="/models", tags=["models"], dependencies=[key])

    @routes.get("", summary="The models that are served", responses=_errors(401))
    async def list_models() -> ModelList:
        found = (models.slot(name).current for name in models.names())
        return ModelList(models=tuple(ModelSummary.of(served) for served in found if served is not None))

    @routes.get("/{name}", summary="One model", responses=_errors(401, 404, 503))
    async def get_model(name: str) -> ModelDetails:
        return ModelDetails.of(*models.serving(name))

    @routes.post(
        "/{name}/predict",
        summary="Predict",
        response_model=PredictionAnswer,
        responses=_errors(400, 401, 404, 413, 415, 422, 503),
        openapi_extra={"requestBody": _BODY},
    )
    async def predict(name: str, request: Request) -> Response:
        version, _ = models.serving(name)
        _check_media_type(request)
        body = await _read(request, limit=settings.max_body_bytes)
        answer = await worker.run(lambda: prediction.answer(version, body, max_rows=settings.max_rows))
        return Response(answer, media_type="application/json")

    return routes


def _errors(*statuses: int) -> dict[int | str, dict[str, object]]:
    return {status: {"model": ErrorAnswer, "description": _REASONS[status]} for status in statuses}


def _check_media_type(request: Request) -> None:
    media_type, *parameters = [part.strip().lower() for part in request.headers.get("content-type", "").split(";")]
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
    if media_type != "application/json" or not all(charset in ("utf-8", "utf8") for charset in charsets):
        raise MediaTypeRefused("send the body as Content-Type: application/json, in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaTypeRefused("send the body without a Content-Encoding")


async def _read(request: Request, *, limit: int) -> bytes:
    """Read the body, no further than the limit."""
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and len(length) < 20 and int(length) > limit:
        raise BodyTooLarge(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(limit)
    except ClientDisconnect:
        raise BrokenBody("the body ended too early") from None
    return bytes(body)
