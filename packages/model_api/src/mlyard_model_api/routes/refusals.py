"""The edge: errors become answers here, and nowhere else."""

import logging

from fastapi import FastAPI
from mlyard_shared.errors import MlyardError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mlyard_model_api.errors import STATUS, Problem, problems
from mlyard_model_api.routes.answers import ErrorAnswer, ErrorFacts

RETRY_SECONDS = 1
_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_SECONDS)}}
_CODES = {404: ("not_found", "there is nothing at this address"), 405: ("method_not_allowed", "use another method")}

log = logging.getLogger(__name__)


def refusal(error: MlyardError) -> Response:
    """Answer with what an error says."""
    status, _ = STATUS[type(error)]
    return _answer(status, *problems(error))


def handle_errors(app: FastAPI) -> None:
    """Let the application answer every error as an `ErrorAnswer`."""

    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, MlyardError)  # noqa: S101 - it is registered for these alone
        if STATUS[type(error)][0] == 500:
            log.error("a request failed", exc_info=error)
        return refusal(error)

    async def of_the_framework(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
        code, message = _CODES.get(error.status_code, ("bad_request", "the request cannot be handled"))
        return _answer(error.status_code, Problem(code=code, message=message), headers=error.headers)

    async def bug(_request: Request, _error: Exception) -> Response:
        # uvicorn logs the error with its traceback.
        return _answer(500, Problem(code="internal_error", message="the request failed inside of the API"))

    app.add_exception_handler(MlyardError, ours)
    app.add_exception_handler(HTTPException, of_the_framework)
    app.add_exception_handler(Exception, bug)


def _answer(status: int, first: Problem, *others: Problem, headers: object = None) -> Response:
    listed = (first, *others) if first.row is not None or first.column is not None or others else ()
    facts = ErrorFacts(**first.model_dump(), problems=listed)
    added = headers if isinstance(headers, dict) else {}
    return JSONResponse(
        ErrorAnswer(error=facts).model_dump(mode="json"), status, headers={**_HEADERS.get(status, {}), **added}
    )
