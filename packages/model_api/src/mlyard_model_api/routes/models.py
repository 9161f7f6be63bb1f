"""What is served, and predictions."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from mlyard_model_api.protocols import native
from mlyard_model_api.routes.answers import ModelDetails, ModelList, ModelSummary, ModelVersions
from mlyard_model_api.routes.dispatch import PredictionRoute
from mlyard_model_api.routes.selection import by_query
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import ServedVersion


def prediction_routes() -> tuple[PredictionRoute, ...]:
    """Where predictions are asked for in our own protocol."""
    return (
        PredictionRoute("/models/{name}/predict", native.PROTOCOL, _named),
        PredictionRoute("/predict", native.PROTOCOL, _default),
    )


def routes(models: Models) -> list[Route]:
    """Return the routes of models."""

    async def list_models(_request: Request) -> Response:
        found = (models.slot(name).current for name in models.names())
        return _answer(ModelList(models=tuple(ModelSummary.of(served) for served in found if served is not None)))

    def get_model(request: Request) -> Response:
        # In a thread: thousands of columns take a while.
        return _answer(ModelDetails.of(*models.serving(request.path_params["name"])))

    async def list_versions(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in models.refusals():
            models.serving(name)  # it may be unknown
        return _answer(ModelVersions.of(name, models.slot(name)))

    return [
        Route("/models", list_models),
        Route("/models/{name}", get_model),
        Route("/models/{name}/versions", list_versions),
    ]


def _answer(content: BaseModel) -> Response:
    return Response(content.model_dump_json(by_alias=True), media_type="application/json")


def _named(models: Models, parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, parameters["name"], scope["query_string"])


def _default(models: Models, _parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, models.default(), scope["query_string"])
