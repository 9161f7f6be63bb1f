"""What HTTP asks of every route alike: HEAD, `%2F` in a path, `Retry-After`."""

from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlyard_model_api.routes.refusals import RETRY_SECONDS


class Http:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on as the routes take it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        changes: dict[str, object] = {"method": "GET"} if is_head else {}
        if b"%2f" in scope.get("raw_path", b"").lower():
            changes["path"] = _path(scope["raw_path"])

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if message["status"] == 503:
                    headers.setdefault("Retry-After", str(RETRY_SECONDS))
                if message["status"] == 405 and "GET" in headers.get("Allow", ""):
                    headers["Allow"] += ", HEAD"
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, **changes} if changes else scope, receive, answer)


def _path(raw: bytes) -> str:
    """The path with its encoded slashes as they were sent: they are characters of a name, and separate nothing."""
    parts = raw.decode("ascii").replace("%2f", "%2F").split("%2F")
    return "%2F".join(unquote(part) for part in parts)
