"""What HTTP asks of every route alike."""

import httpx
import pytest

from ..conftest import Start, until
from ..fake_registry import FakeRegistry

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/health/live", "/docs", "/openapi.json", "/docs/files/swagger-ui.css", "/models"])
async def test_head_is_get_without_a_body(start: Start, path: str) -> None:
    async with start(ready=False) as client:
        get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


async def test_head_of_the_readiness_says_it_too(start: Start) -> None:
    async with start(ready=False) as client:
        response = await client.head("/health/ready")
    assert (response.status_code, response.headers["Retry-After"], response.content) == (503, "1", b"")


async def test_what_may_be_got_may_be_asked_for_by_head(start: Start) -> None:
    async with start(ready=False) as client:
        assert (await client.post("/health/live")).headers["Allow"] == "GET, HEAD"
        assert (await client.get("/models/x/predict")).headers["Allow"] == "POST"
        assert (await client.head("/models/x/predict")).status_code == 405


@pytest.mark.parametrize("path", ["/health%2flive", "/health%2Flive", "/models%2Fpenguins", "/docs%2ffiles/x"])
async def test_an_encoded_slash_separates_nothing(start: Start, registry: FakeRegistry, path: str) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        assert (await client.get(path)).status_code == 404
        del client.headers["Authorization"]
        assert (await client.get(path)).status_code == 401


async def test_an_encoded_slash_is_part_of_a_name(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        assert (await client.get("/models/%70enguins")).status_code == 200
        unknown = await client.get("/models/penguins%2Fpredict")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_unknown")


async def test_the_first_page_leads_to_the_documentation(start: Start) -> None:
    async with start(ready=False) as client:
        del client.headers["Authorization"]
        response = await client.get("/")
        assert response.status_code == 307
        # Relative, so that it leads there behind a path prefix too.
        assert response.headers["Location"] == "docs"
        assert str(httpx.URL("http://api/prefix/").join("docs")) == "http://api/prefix/docs"
        assert (await client.get("/", follow_redirects=True)).url.path == "/docs"


async def test_every_503_says_when_to_come_again(start: Start, registry: FakeRegistry) -> None:
    registry.away = True
    async with start(ready=False) as client:

        async def asked() -> bool:
            return (await client.get("/health/ready")).status_code == 503

        await until(asked)
        for path in ("/health/ready", "/models/penguins"):
            response = await client.get(path)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
