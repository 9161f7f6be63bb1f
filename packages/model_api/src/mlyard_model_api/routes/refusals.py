"""The edge: errors become answers here, and nowhere else."""

import logging

from fastapi import FastAPI
from mlyard_shared.errors import MlyardError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mlyard_model_api import errors
from mlyard_model_api.errors import Problem
from mlyard_model_api.protocols import native
from mlyard_model_api.protocols.protocol import WireProtocol

RETRY_SECONDS = 1

PROTOCOLS: dict[str, WireProtocol] = {}
"""By the first part of an address, the protocol that it belongs to; all others are our own."""

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
    errors.BodyTooLarge: (413, "body_too_large"),
    errors.BodyTooSlow: (408, "body_too_slow"),
    errors.TooManyRows: (413, "too_many_rows"),
    errors.MediaTypeRefused: (415, "media_type_refused"),
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
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_SECONDS)}}
_CODES = {404: ("not_found", "there is nothing at this address"), 405: ("method_not_allowed", "use another method")}

log = logging.getLogger(__name__)


def protocol_of(path: str) -> WireProtocol:
    """The protocol in whose form an address is answered, where nothing else tells."""
    return PROTOCOLS.get(path.removeprefix("/").partition("/")[0], native.PROTOCOL)


def refusal(error: errors.Unanswered, protocol: WireProtocol = native.PROTOCOL) -> Response:
    """Answer with what an error says."""
    status, code = STATUS[type(error)]
    if isinstance(error, errors.ModelFailed):
        log.error("a model failed: %s", error, exc_info=error.__cause__)
        return _answer(protocol, status, Problem(code=code, message="the model failed; the API's log says why"))
    if isinstance(error, errors.InputRefused):
        return _answer(protocol, status, *error.problems)
    return _answer(protocol, status, Problem(code=code, message=str(error), row=getattr(error, "row", None)))


def bug(protocol: WireProtocol = native.PROTOCOL) -> Response:
    """Answer that the fault is the API's own, whose log says why."""
    return _answer(protocol, 500, _BUG)


def handle_errors(app: FastAPI) -> None:
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
        problem = Problem(code=code, message=message)
        return _answer(protocol_of(request.scope["path"]), error.status_code, problem, headers=error.headers)

    async def any_other(request: Request, _error: Exception) -> Response:
        # The connection logs the error with its traceback.
        return bug(protocol_of(request.scope["path"]))

    app.add_exception_handler(MlyardError, ours)
    app.add_exception_handler(HTTPException, of_the_framework)
    app.add_exception_handler(Exception, any_other)


def _answer(protocol: WireProtocol, status: int, *problems: Problem, headers: object = None) -> Response:
    added = headers if isinstance(headers, dict) else {}
    answer = protocol.refuse(status, problems[0].code, problems)
    response = Response(
        answer.body,
        status,
        headers={**_HEADERS.get(status, {}), **added},
        media_type=answer.media_type.decode("ascii"),
    )
    response.raw_headers += answer.headers
    return response
