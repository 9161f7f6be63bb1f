from collections.abc import Iterator

import httpx
import pytest
from mlyard_model_api.errors import CacheUnusable, ModelFailed, RequestRefused, Unanswered
from mlyard_model_api.routes.refusals import STATUS, handle_errors
from mlyard_shared.errors import MlyardError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..conftest import Start


def tree(root: type[MlyardError]) -> Iterator[type[MlyardError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def test_every_error_that_a_request_can_meet_has_a_status_and_no_other_has() -> None:
    kinds = {Unanswered, RequestRefused}
    assert set(STATUS) == set(tree(Unanswered)) - kinds


def test_no_two_errors_share_a_code() -> None:
    codes = [code for _, code in STATUS.values()]
    assert len(codes) == len(set(codes))


@pytest.mark.anyio
async def test_a_bug_is_answered_without_details() -> None:
    async def bug(_request: Request) -> Response:
        raise KeyError("secret detail")

    async def disk(_request: Request) -> Response:
        raise CacheUnusable("/secret/folder", "full")

    app = Starlette(routes=[Route("/bug", bug), Route("/disk", disk)])
    handle_errors(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        for path in ("/bug", "/disk"):
            response = await client.get(path)
            assert response.status_code == 500
            assert response.json()["error"]["code"] == "internal_error"
            assert "secret" not in response.text


@pytest.mark.anyio
async def test_a_fault_of_the_model_has_its_cause_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_request: Request) -> Response:
        raise ModelFailed("penguins version 1 failed") from KeyError("secret detail")

    app = Starlette(routes=[Route("/", fail)])
    handle_errors(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        response = await client.get("/")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "model_failed")
    assert "secret" not in response.text
    assert "penguins version 1 failed" in caplog.text
    assert "KeyError: 'secret detail'" in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/models/", 404, "not_found"),
        ("GET", "/models/x/predict", 405, "method_not_allowed"),
        ("DELETE", "/models", 405, "method_not_allowed"),
        ("POST", "/health/live", 405, "method_not_allowed"),
    ],
)
async def test_the_frameworks_errors_have_our_shape(
    start: Start, method: str, path: str, status: int, code: str
) -> None:
    async with start(ready=False) as client:
        response = await client.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert ("Allow" in response.headers) == (status == 405)
