"""What HTTP asks of every route alike, and what is noted of every request: its id, its time and how it was answered."""

from collections.abc import Iterable
from time import perf_counter
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlyard_model_api.routes.refusals import RETRY_SECONDS
from mlyard_model_api.telemetry.logs import log_request
from mlyard_model_api.telemetry.metrics import Metrics
from mlyard_model_api.telemetry.observation import REQUEST_ID, Observation, identify, request_id

GONE = 499
"""The status in metrics and logs where the client went before its answer; the name that nginx gave it."""
OTHER = "other"


class Http:
    """ASGI middleware: HEAD, `%2F` and a prefix in a path, `Retry-After`, `X-Request-ID`, metrics and the log."""

    def __init__(
        self, app: ASGIApp, templates: Iterable[str], *, metrics: Metrics, prefix: str = "", logs: bool = False
    ) -> None:
        """Stand before the application.

        Args:
            app: sees the scope's path without the prefix, and GET for HEAD.
            templates: the addresses of the routes, as in `/models/{name}`.
            metrics: where requests are counted.
            prefix: the path under which a proxy publishes the service, whether or not it takes it away.
            logs: whether each request is logged.
        """
        self._app = app
        self._templates = [template.split("/") for template in templates]
        self._metrics = metrics
        self._prefix = prefix
        self._logs = logs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on as the routes take it."""
        started = perf_counter()
        identity = scope["mlyard.request_id"] = identify(scope["headers"])
        token = request_id.set(identity)
        is_head = scope["method"] == "HEAD"
        inner = self._inner(scope) if is_head or self._prefix or b"%" in scope.get("raw_path", b"") else scope
        status = GONE

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (REQUEST_ID, identity.encode("ascii"))]
                message["headers"] = headers if status < 400 else _of_error(status, headers)
            elif is_head:
                message["body"] = b""
            await send(message)

        try:
            if inner["path"]:
                await self._app(inner, receive, answer)
            else:
                await _redirect(f"{self._prefix}/", answer)
        finally:
            request_id.reset(token)
            self._note(inner, identity, status, perf_counter() - started)

    def _inner(self, scope: Scope) -> Scope:
        """The scope as the routes take it."""
        changes: dict[str, object] = {}
        if scope["method"] == "HEAD":
            changes["method"] = "GET"
        if b"%2f" in scope.get("raw_path", b"").lower():
            changes["path"] = _path(scope["raw_path"])
        if self._prefix:
            path = str(changes.get("path", scope["path"]))
            if path == self._prefix or path.startswith(f"{self._prefix}/"):
                changes["path"] = path.removeprefix(self._prefix)
        return {**scope, **changes} if changes else scope

    def _note(self, scope: Scope, identity: str, status: int, seconds: float) -> None:
        route = scope.get("mlyard.route") or self._template(scope["path"])
        version = scope.get("mlyard.version")
        name, number = (version.name, version.version) if version is not None else ("", None)
        self._metrics.answered(route, name, number, status, seconds)
        if self._logs:
            log_request(Observation(identity, scope["method"], route, name, number, status, seconds))

    def _template(self, path: str) -> str:
        """The template of an address that no prediction was asked for at."""
        parts = path.split("/")
        for template in self._templates:
            if len(template) == len(parts) and all(
                wanted == part or (part and wanted[:1] == "{") for wanted, part in zip(template, parts, strict=True)
            ):
                return "/".join(template)
        return OTHER


def _of_error(status: int, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an error: with the time to come again, and with HEAD where GET may be asked for."""
    if status in (429, 503) and not any(name == b"retry-after" for name, _ in headers):
        headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
    if status == 405:
        return [(name, b"GET, HEAD" if name == b"allow" and b"GET" in value else value) for name, value in headers]
    return headers


async def _redirect(location: str, send: Send) -> None:
    headers = [(b"location", location.encode("ascii")), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _path(raw: bytes) -> str:
    """The path with its encoded slashes as they were sent: they are characters of a name, and separate nothing."""
    parts = raw.decode("ascii").replace("%2f", "%2F").split("%2F")
    return "%2F".join(unquote(part) for part in parts)
