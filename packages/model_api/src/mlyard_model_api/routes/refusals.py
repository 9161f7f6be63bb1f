"""The edge: errors become answers here, and nowhere else."""

import logging
from collections.abc import Sequence
from typing import Any

from mlyard_shared.errors import MlyardError
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mlyard_model_api import errors
from mlyard_model_api.errors import Problem
from mlyard_model_api.protocols import mlflow, native, v2
from mlyard_model_api.protocols.protocol import WireProtocol
from mlyard_model_api.telemetry.observation import REQUEST_ID, identify

RETRY_SECONDS = 1
PROBLEM_TYPE = b"application/problem+json"
"""What our own errors are, so that clients which know RFC 9457 read them by themselves; JSON it is to all others."""

STATUS: dict[type[errors.Unanswered], tuple[int, str]] = {
    errors.ModelUnknown: (404, "model_unknown"),
    errors.NoDefaultModel: (404, "no_default_model"),
    errors.VersionUnknown: (404, "version_unknown"),
    errors.ModelNotReady: (503, "model_not_ready"),
    errors.Overloaded: (503, "overloaded"),
    errors.DeadlinePassed: (503, "deadline_passed"),
    errors.Stopping: (503, "stopping"),
    errors.ModelFailed: (500, "model_failed"),
    errors.NotComputable: (422, "not_computable"),
    errors.KeyRefused: (401, "key_refused"),
    errors.QueryRefused: (400, "query_refused"),
    errors.ControlRefused: (403, "control_refused"),
    errors.BodyTooLarge: (413, "body_too_large"),
    errors.BodyTooSlow: (408, "body_too_slow"),
    errors.TooManyRows: (413, "too_many_rows"),
    errors.MediaTypeRefused: (415, "media_type_refused"),
    errors.NotAcceptable: (406, "not_acceptable"),
    errors.BrokenBody: (400, "broken_body"),
    errors.InputRefused: (422, "input_refused"),
    errors.BrokenRequest: (400, "bad_request"),
    errors.HeadersTooLarge: (431, "headers_too_large"),
    errors.HeadersTooSlow: (408, "headers_too_slow"),
    errors.MethodUnknown: (501, "method_unknown"),
    errors.HttpVersionUnknown: (505, "http_version_unknown"),
}
"""Status and code of each error that a request can meet. An `InputRefused` has the code of its first problem."""

_BUG = Problem(code="internal_error", message="the request failed inside of the API; its log says why")
_LATER = {"Retry-After": str(RETRY_SECONDS)}
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: _LATER, 503: _LATER}
_CODES = {404: ("not_found", "there is nothing at this address"), 405: ("method_not_allowed", "use another method")}

_MLFLOW = ("invocations", "ping", "health", "version")

log = logging.getLogger(__name__)


def protocol_of(path: str) -> WireProtocol:
    """The protocol in whose form an address is answered, where nothing else tells."""
    parts = path.split("/")[1:]
    if parts[:1] == ["v2"]:
        return v2.PROTOCOL
    # MLflow's are those of the default model, and of one by its base.
    is_base = len(parts) == 1 or (len(parts) == 3 and parts[0] == "models")
    return mlflow.PROTOCOL if is_base and parts[-1] in _MLFLOW else native.PROTOCOL


def refusal(error: errors.Unanswered, protocol: WireProtocol = native.PROTOCOL) -> "Refusal":
    """Answer with what an error says."""
    status, code = STATUS[type(error)]
    if isinstance(error, errors.ModelFailed):
        log.error("a model failed: %s", error, exc_info=error.__cause__)
        return Refusal(protocol, status, [Problem(code=code, message="the model failed; the API's log says why")])
    if isinstance(error, errors.InputRefused):
        return Refusal(protocol, status, error.problems)
    return Refusal(protocol, status, [Problem(code=code, message=str(error), row=getattr(error, "row", None))])


def bug(protocol: WireProtocol = native.PROTOCOL) -> "Refusal":
    """Answer that the fault is the API's own, whose log says why."""
    return Refusal(protocol, 500, [_BUG])


def not_allowed(methods: str, protocol: WireProtocol = native.PROTOCOL) -> "Refusal":
    """Answer that an address takes other methods."""
    code, message = _CODES[405]
    return Refusal(protocol, 405, [Problem(code=code, message=message)], {"Allow": methods})


def handle_errors(app: Starlette) -> None:
    """Let the application answer every error in the form of the protocol that its address belongs to."""

    async def ours(request: Request, error: Exception) -> Response:
        protocol = protocol_of(request.scope["path"])
        if not isinstance(error, errors.Unanswered):
            log.error("a request failed", exc_info=error)
            return bug(protocol)
        return refusal(error, protocol)

    async def of_the_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
        code, message = _CODES.get(error.status_code, ("bad_request", "the request cannot be handled"))
        problems = [Problem(code=code, message=message)]
        return Refusal(protocol_of(request.scope["path"]), error.status_code, problems, error.headers)

    async def any_other(request: Request, _error: Exception) -> Response:
        # The connection logs the error with its traceback.
        return bug(protocol_of(request.scope["path"]))

    app.add_exception_handler(MlyardError, ours)
    app.add_exception_handler(HTTPException, of_the_framework)
    app.add_exception_handler(Exception, any_other)


class Refusal(Response):
    """The answer of an error, in the protocol's own form; in our protocol it is also what RFC 9457 calls a problem."""

    def __init__(self, protocol: WireProtocol, status: int, problems: Sequence[Problem], headers: Any = None) -> None:
        """Say what is wrong; there is one problem at the least."""
        answer = protocol.refuse(status, problems[0].code, problems)
        super().__init__(answer.body, answer.status or status, {**_HEADERS.get(status, {}), **(headers or {})})
        self._problem = problems[0] if protocol is native.PROTOCOL else None
        media_type = answer.media_type if self._problem is None else PROBLEM_TYPE
        self.raw_headers += [(b"content-type", media_type), *answer.headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, with the id of the request."""
        identity = scope.get("mlyard.request_id")
        if identity is None:  # it did not get as far as `Http`, which adds the header
            identity = identify(scope.get("headers", ()))
            self.raw_headers.append((REQUEST_ID, identity.encode("ascii")))
        self.name(identity)
        await super().__call__(scope, receive, send)

    def name(self, identity: str) -> None:
        """Say which request it answers, where its form has a place for that."""
        if self._problem is None:
            return
        members = to_json(_members(self._problem, self.status_code, identity))
        self.body = members[:-1] + b"," + bytes(self.body)[1:]
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        self.raw_headers.append((b"content-length", b"%d" % len(self.body)))


def _members(problem: Problem, status: int, identity: str) -> dict[str, object]:
    """The members of RFC 9457: `type` stands for the code, and `instance` for the request."""
    places = [f"row {problem.row}"] if problem.row is not None else []
    places += [f"column {problem.column}"] if problem.column is not None else []
    return {
        "type": f"urn:mlyard:problem:{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": f"{', '.join(places)}: {problem.message}" if places else problem.message,
        "instance": f"urn:mlyard:request:{identity}",
    }
