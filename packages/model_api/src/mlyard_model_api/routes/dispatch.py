"""The short way of a prediction: from its address to its answer, with nothing of the framework's in between.

The framework matches every route by an expression and hands each exception through its middlewares, which takes longer
than the prediction itself. What is not found here, the framework answers.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlyard_model_api.errors import Unanswered
from mlyard_model_api.protocols.protocol import Answer, WireProtocol
from mlyard_model_api.routes.predictions import Predictor
from mlyard_model_api.routes.refusals import bug, refusal
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import ServedVersion

Select = Callable[[Models, Mapping[str, str], Scope], ServedVersion]
"""Finds the version that is meant, given the parts of the address by their names in the template."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictionRoute:
    """An address that predictions are asked for at, by POST: `{name}` in its template is any one part of a path."""

    template: str
    protocol: WireProtocol
    select: Select


class Routes:
    """The addresses that predictions are asked for at."""

    def __init__(self, routes: Iterable[PredictionRoute]) -> None:
        """Sort them by how many parts they have, and the last."""
        self._routes: dict[tuple[int, str], list[tuple[tuple[str, ...], PredictionRoute]]] = {}
        for route in routes:
            parts = tuple(route.template.split("/"))
            self._routes.setdefault((len(parts), parts[-1]), []).append((parts, route))

    def stubs(self) -> list[Route]:
        """For the framework, which says by them which method an address takes."""

        async def unreached(_request: Request) -> Response:
            raise AssertionError("`Dispatch` answers it")

        found = [route for routes in self._routes.values() for _, route in routes]
        return [Route(route.template, unreached, methods=["POST"]) for route in found]

    def find(self, path: str) -> tuple[PredictionRoute, dict[str, str]] | None:
        """The route of a path, and its parts by their names in the template."""
        parts = path.split("/")
        for template, route in self._routes.get((len(parts), parts[-1]), ()):
            parameters = {}
            for wanted, part in zip(template, parts, strict=True):
                if wanted == part:
                    continue
                if not (part and wanted[:1] == "{"):
                    break
                parameters[wanted[1:-1]] = part
            else:
                return route, parameters
        return None


class Dispatch:
    """ASGI: answers predictions itself, and leaves all else to the application.

    For whoever counts and logs, a prediction's scope has `mlyard.route`, and where it is known `mlyard.version`.
    """

    def __init__(self, app: ASGIApp, routes: Routes, *, models: Models, predictor: Predictor) -> None:
        """Stand before the application."""
        self._app = app
        self._routes = routes
        self._models = models
        self._predictor = predictor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        found = self._routes.find(scope["path"]) if scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        route, parameters = found
        scope["mlyard.route"] = route.template
        try:
            version = route.select(self._models, parameters, scope)
            scope["mlyard.version"] = version.reference
            answer = await self._predictor.answer(route.protocol, version, scope, receive)
        except Unanswered as error:
            await refusal(error, route.protocol)(scope, receive, send)
        # A server outlives whatever goes wrong in it, and the client hears of it in its own protocol.
        except Exception as error:
            log.exception("a request failed", exc_info=error)
            await bug(route.protocol)(scope, receive, send)
        else:
            await _send(answer, send)


async def _send(answer: Answer, send: Send) -> None:
    headers: list[Any] = [
        (b"content-length", b"%d" % len(answer.body)),
        (b"content-type", answer.media_type),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
