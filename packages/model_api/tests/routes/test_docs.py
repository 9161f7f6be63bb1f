import re
from typing import Any

import pytest

from ..conftest import Start
from ..fake_registry import FakeRegistry

pytestmark = pytest.mark.anyio


async def test_the_docs_page_asks_for_nothing_outside(start: Start) -> None:
    async with start(ready=False) as client:
        page = await client.get("/docs")
        found = re.findall(r"""(?:href|src)=["']([^"']+)|url: '([^']+)""", page.text)
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
