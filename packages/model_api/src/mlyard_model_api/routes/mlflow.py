"""The addresses of MLflow's scoring protocol: for the default model, and for each by a base of its own."""

from collections.abc import Mapping
from importlib import metadata

from fastapi import APIRouter
from starlette.responses import Response
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


def router(models: Models) -> APIRouter:
    """Return the routes beside predictions."""
    routes = APIRouter(tags=["mlflow"])

    @routes.get("/ping")
    @routes.get("/health")
    async def ping() -> Response:
        models.serving(models.default())
        return Response("\n", media_type="application/json")

    @routes.get(f"{BASE}/ping")
    @routes.get(f"{BASE}/health")
    async def ping_model(name: str) -> Response:
        models.serving(name)
        return Response("\n", media_type="application/json")

    @routes.get("/version")
    async def version() -> Response:
        return Response(VERSION, media_type="application/json")

    @routes.get(f"{BASE}/version")
    async def version_of_model(name: str) -> Response:
        models.serving(name)
        return Response(VERSION, media_type="application/json")

    @routes.post("/invocations")
    @routes.post(f"{BASE}/invocations")
    async def invocations() -> Response:
        raise AssertionError("`Dispatch` answers it")  # this tells which methods there are

    return routes


def _default(models: Models, _parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, models.default(), scope["query_string"])


def _named(models: Models, parameters: Mapping[str, str], scope: Scope) -> ServedVersion:
    return by_query(models, parameters["name"], scope["query_string"])
