from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from mlyard_model_api.errors import STATUS, CacheUnusable
from mlyard_model_api.routes.refusals import handle_errors
from mlyard_shared.errors import MlyardError, ModelVersionRefused

from .conftest import Start


def tree(root: type[MlyardError]) -> Iterator[type[MlyardError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def test_every_error_has_a_status() -> None:
    known = {error for error in tree(MlyardError) if error.__module__.split(".")[-1] == "errors"}
    assert CacheUnusable in known
    assert ModelVersionRefused in known
    assert known - set(STATUS) == set()


@pytest.mark.anyio
async def test_a_bug_is_answered_without_details() -> None:
    app = FastAPI()
    handle_errors(app)

    @app.get("/bug")
    async def bug() -> None:
        raise KeyError("secret detail")

    @app.get("/disk")
    async def disk() -> None:
        raise CacheUnusable("/secret/folder", "full")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        for path in ("/bug", "/disk"):
            response = await client.get(path)
            assert response.status_code == 500
            assert response.json()["error"]["code"] == "internal_error"
            assert "secret" not in response.text


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
