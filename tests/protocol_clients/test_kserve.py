"""KServe's client, in JSON and in bytes."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from .conftest import KEY, Api

if platform.machine() == "aarch64":
    pytest.skip("it pins a psutil that has no wheel for this processor", allow_module_level=True)

from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

HEADERS = {"Authorization": f"Bearer {KEY}"}
ROWS: list[dict[str, object]] = [{"size": 42.5, "count": 3}, {"size": 17.25, "count": 0}]


def ask(question: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        client = InferenceRESTClient(RESTConfig(protocol="v2"))
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(run())


def request(*, binary: bool, **more: Any) -> InferRequest:
    inputs = []
    for name, datatype in (("size", "FP64"), ("count", "INT64")):
        values = np.array([row[name] for row in ROWS])
        inputs.append(InferInput(name, list(values.shape), datatype))
        inputs[-1].set_data_from_numpy(values, binary_data=binary)
    return InferRequest("prices", inputs, **more)


def test_health(api: Api) -> None:
    base = f"http://{api.place}"
    assert ask(lambda client: client.is_server_live(base)) is True
    assert ask(lambda client: client.is_server_ready(base)) is True
    assert ask(lambda client: client.is_model_ready(base, "prices", headers=HEADERS)) is True
    assert ask(lambda client: client.is_model_ready(base, "nothing", headers=HEADERS)) is False


@pytest.mark.parametrize("binary", [True, False])
def test_predictions_are_those_of_our_own_protocol(api: Api, binary: bool) -> None:
    def question(client: Any) -> Awaitable[Any]:
        wanted = [RequestedOutput("prediction", parameters={"binary_data": binary})]
        asked = request(binary=binary, request_id="42", request_outputs=wanted)
        return client.infer(f"http://{api.place}", asked, model_name="prices", headers=dict(HEADERS))  # type: ignore[no-any-return]

    found = ask(question)
    assert found.id == "42"
    expected = [answer["prediction"] for answer in api.predict("prices", ROWS)]
    assert found.get_output_by_name("prediction").as_numpy().tolist() == expected


def test_errors_are_read_by_the_client(api: Api) -> None:
    def question(client: Any) -> Awaitable[Any]:
        asked: dict[str, Any] = {"inputs": []}
        return client.infer(f"http://{api.place}", asked, model_name="prices", headers=HEADERS)  # type: ignore[no-any-return]

    with pytest.raises(httpx.HTTPStatusError, match="size: is missing; count: is missing, '400"):
        ask(question)
