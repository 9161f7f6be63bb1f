import re
from typing import Any

import httpx
import pytest

from ..conftest import Start
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN

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


async def test_openapi_tells_what_is_answered(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    async with start() as client:
        document = (await client.get("/openapi.json")).json()
        details = (await client.get("/models/penguins")).json()
        prediction = (await client.post("/models/penguins/predict", json={"rows": [PENGUIN]})).json()
        error = (await client.post("/models/penguins/predict", json={"rows": []})).json()
    schemas = document["components"]["schemas"]
    assert document["openapi"] == "3.0.3"
    assert_described(schemas["ModelDetails"], details)
    assert_described(schemas["PredictionAnswer"], prediction)
    assert_described(schemas["Prediction"], prediction["predictions"][0])
    assert_described(schemas["ErrorFacts"], error["error"])
    predict = document["paths"]["/models/{name}/predict"]["post"]
    assert set(predict["responses"]) == {"200", "400", "401", "404", "408", "413", "415", "422", "500", "503"}
    assert predict["security"] == [{"HTTPBearer": []}]
    assert "422" not in document["paths"]["/models/{name}"]["get"]["responses"]
    assert "HTTPValidationError" not in str(document)
    assert "'type': 'null'" not in str(document)


def assert_described(schema: dict[str, Any], answer: dict[str, Any]) -> None:
    assert set(schema["properties"]) == set(answer)


async def test_openapi_is_the_same_twice(start: Start) -> None:
    async with start(ready=False) as client:
        first: httpx.Response = await client.get("/openapi.json")
        assert first.json() == (await client.get("/openapi.json")).json()
