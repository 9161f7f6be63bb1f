"""Is the process alive, and should it get requests?"""

from collections.abc import Callable

from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from mlyard_model_api.routes.refusals import not_allowed
from mlyard_model_api.serving.models import Models

TEMPLATES = ("/health/live", "/health/ready")


class Health:
    """ASGI: answers health itself, in plain bytes, since that has to be quick beside any load; it needs no key."""

    def __init__(self, app: ASGIApp, models: Models) -> None:
        """Stand before the application."""
        self._app = app
        self._models = models
        live = _body("live", ())
        self._answers: dict[str, Callable[[], tuple[int, bytes]]] = {
            "/health/live": lambda: (200, live),
            "/health/ready": self._ready,
        }

    def answer(self, path: str) -> tuple[int, bytes] | None:
        """Status and body at an address of health; None at others."""
        ask = self._answers.get(path)
        return ask() if ask is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        found = self.answer(scope["path"])
        if found is None:
            await self._app(scope, receive, send)
        elif scope["method"] != "GET":
            await not_allowed("GET")(scope, receive, send)
        else:
            status, body = found
            headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _ready(self) -> tuple[int, bytes]:
        reasons = self._models.not_ready()
        return (503, _body("not ready", reasons)) if reasons else (200, _body("ready", ()))


def _body(status: str, reasons: tuple[str, ...]) -> bytes:
    return to_json({"status": status, "reasons": reasons})
