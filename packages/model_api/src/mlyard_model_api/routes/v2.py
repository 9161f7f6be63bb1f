"""The addresses of the Open Inference Protocol V2."""

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from mlyard_model_api.access import unpacking
from mlyard_model_api.access.bodies import GRACE_SECONDS, SMALL_BYTES, Bodies, chunks, content_length
from mlyard_model_api.errors import ModelNotReady
from mlyard_model_api.protocols import documents, v2
from mlyard_model_api.protocols.v2_metadata import model_metadata
from mlyard_model_api.protocols.v2_requests import refused
from mlyard_model_api.routes.dispatch import PredictionRoute
from mlyard_model_api.routes.repository import Repository
from mlyard_model_api.routes.selection import by_number
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import ServedVersion

SERVER = {
    "name": "mlyard-model-api",
    "version": metadata.version("mlyard-model-api"),
    "extensions": ["binary_tensor_data", "model_repository"],
}


def prediction_routes() -> tuple[PredictionRoute, ...]:
    """Where inference is asked for."""
    return (
        PredictionRoute("/v2/models/{name}/infer", v2.PROTOCOL, _serving),
        PredictionRoute("/v2/models/{name}/versions/{version}/infer", v2.PROTOCOL, _numbered),
    )


def routes(models: Models, repository: Repository) -> list[Route]:
    """Return the routes beside inference."""
    return [*_of_models(models), *_of_repository(repository)]


def _of_models(models: Models) -> list[Route]:
    async def server_metadata(_request: Request) -> Response:
        return JSONResponse(SERVER)

    async def server_live(_request: Request) -> Response:
        return JSONResponse({"live": True})

    async def server_ready(_request: Request) -> Response:
        reasons = models.not_ready()
        if reasons:
            raise ModelNotReady("; ".join(reasons))
        # The protocol's text says live, its clients ask for ready.
        return JSONResponse({"live": True, "ready": True})

    def model(request: Request) -> Response:
        # In a thread: thousands of columns take a while.
        return _metadata(models, models.serving(request.path_params["name"])[0])

    def model_version(request: Request) -> Response:
        return _metadata(models, by_number(models, request.path_params["name"], request.path_params["version"]))

    async def model_ready(request: Request) -> Response:
        name = request.path_params["name"]
        models.serving(name)
        return JSONResponse({"name": name, "ready": True})

    async def version_ready(request: Request) -> Response:
        name = request.path_params["name"]
        by_number(models, name, request.path_params["version"])
        return JSONResponse({"name": name, "ready": True})

    return [
        Route("/v2", server_metadata),
        Route("/v2/", server_metadata),
        Route("/v2/health/live", server_live),
        Route("/v2/health/ready", server_ready),
        Route("/v2/models/{name}", model),
        Route("/v2/models/{name}/ready", model_ready),
        Route("/v2/models/{name}/versions/{version}", model_version),
        Route("/v2/models/{name}/versions/{version}/ready", version_ready),
    ]


def _of_repository(repository: Repository) -> list[Route]:
    async def index(request: Request) -> Response:
        asked = await _document(request, known=("repository_name", "ready"))
        ready = asked.get("ready", False)
        if not isinstance(ready, bool):
            raise refused("wrong_shape", "ready must be true or false")
        return JSONResponse(repository.index(ready=ready))

    async def load(request: Request) -> Response:
        asked = await _document(request, known=("parameters",))
        parameters = asked.get("parameters")
        if not isinstance(parameters, dict | None):
            raise refused("wrong_shape", "parameters must be an object")
        await repository.load(request.path_params["name"], parameters or {})
        return JSONResponse({})

    async def unload(request: Request) -> Response:
        repository.unload(request.path_params["name"])
        return JSONResponse({})

    return [
        Route("/v2/repository/index", index, methods=["POST"]),
        Route("/v2/repository/models/{name}/load", load, methods=["POST"]),
        Route("/v2/repository/models/{name}/unload", unload, methods=["POST"]),
    ]


def _metadata(models: Models, version: ServedVersion) -> Response:
    loaded = [one.reference.version for one in models.loaded(version.reference.name)]
    return JSONResponse(model_metadata(version.manifest, versions=loaded))


def _serving(models: Models, parameters: Mapping[str, str], _scope: Scope) -> ServedVersion:
    return models.serving(parameters["name"])[0]


def _numbered(models: Models, parameters: Mapping[str, str], _scope: Scope) -> ServedVersion:
    return by_number(models, parameters["name"], parameters["version"])


async def _document(request: Request, *, known: tuple[str, ...]) -> Mapping[str, Any]:
    """The object in a small body, which may be empty; raises `RequestRefused`."""
    headers = request.scope["headers"]
    bodies = Bodies(limit=SMALL_BYTES, largest=SMALL_BYTES, seconds=GRACE_SECONDS)
    place = await bodies.take(content_length(headers), seconds=GRACE_SECONDS)
    body = await place.read(chunks(request.receive), coding=unpacking.coding(headers))
    if not body:
        return {}
    found = documents.parse(body, rows=1, columns=len(known))
    if not isinstance(found, dict) or isinstance(found, documents.Repeating) or not found.keys() <= set(known):
        raise refused("wrong_shape", f"the body must be an object with no other keys than {', '.join(known)}")
    return found
