import re
from typing import Any

import pytest

from ..conftest import KEY, Start
from ..fake_registry import FakeRegistry

pytestmark = pytest.mark.anyio


async def test_the_docs_page_asks_for_nothing_outside(start: Start) -> None:
    async with start(ready=False) as client:
        page = await client.get("/docs")
        found = re.findall(r"""(?:href|src)=["']([^"']+)|"url": "([^"]+)""", page.text)
        files = [first or second for first, second in found]
        assert len(files) == 4
        for file in files:
            url = page.url.join(file)
            assert url.host == "api"
            assert (await client.get(url)).status_code == 200
    assert re.findall(r"//[a-z.]+\.[a-z]+", page.text) == []
    assert '"validatorUrl": null' in page.text


async def test_the_page_and_the_document_need_no_key(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        del client.headers["Authorization"]
        assert (await client.get("/docs")).status_code == 200
        document: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert "/models/penguins/predict" in document["paths"]


async def test_the_documentation_can_be_set_to_need_the_key(start: Start) -> None:
    async with start(ready=False, anonymous_docs=False) as client:
        for path in ("/docs", "/openapi.json", "/docs/files/swagger-ui.css"):
            assert (await client.get(path)).status_code == 200
        del client.headers["Authorization"]
        for path in ("/docs", "/openapi.json", "/docs/files/swagger-ui.css"):
            refused = await client.get(path)
            assert refused.status_code == 401
            # A browser asks for it, and sends it with all that the page loads.
            assert refused.headers.get_list("WWW-Authenticate") == ['Basic realm="the API key as the password"']
            assert (await client.get(path, auth=("anyone", KEY))).status_code == 200
        assert (await client.get("/models")).headers["WWW-Authenticate"] == "Bearer"
