"""The addresses of MLflow's scoring protocol: for the default model, and for each by a base of its own."""

from collections.abc import Mapping
from importlib import metadata

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from mlyard_model_api.protocols import mlflow
from mlyard_model_api.routes.dispatch import PredictionRoute
from mlyard_model_api.routes.selection import by_query
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import ServedVersion

VERSION = metadata.version("mlflow-skinny")
"""The MLflow whose protocol this is."""
BASE = "/models/{name}"
"""What a client's address ends with that means one model: `ScoringServerClient(host, "8000/models/penguins")`."""


def prediction_routes() -> tuple[PredictionRoute, ...]:
    """Where predictions are asked for."""
    return (
        PredictionRoute("/invocations", mlflow.PROTOCOL, _default),
        PredictionRoute(f"{BASE}/invocations", mlflow.PROTOCOL, _named),
    )


def routes(models: Models) -> list[Route]:
    """Return the routes beside predictions."""

    async def ping(_request: Request) -> Response:
        models.serving(models.default())
        return Response("\n", media_type="application/json")

    async def ping_model(request: Request) -> Response:
        models.serving(request.path_params["name"])
        return Response("\n", media_type="application/json")

    async def version(_request: Request) -> Response:
        return Response(VERSION, media_type="application/json")

    async def version_of_model(request: Request) -> Response:
        models.serving(request.path_params["name"])
        return Response(VERSION, media_type="application/json")

    return [
        Route("/ping", ping),
        Route("/health", ping),
        Route("/version", version),
        Route(f"{BASE}/ping", ping_model),
        Route(f"{BASE}/health", ping_model),
        Route(f"{BASE}/version", version_of_model),
    ]


def _default(models: Models, _parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, models.default(), scope["query_string"])


def _named(models: Models, parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, parameters["name"], scope["query_string"])
