"""The client that is generated from the protocol's own OpenAPI document: it reads each answer by its schema."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.errors import BadRequestError, NotFoundError
from open_inference.openapi.types import InferenceRequest

from .conftest import KEY, Api


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as own:
        yield OpenInferenceClient(base_url=f"http://{api.place}", httpx_client=own)


def request(**more: Any) -> Any:
    inputs = [
        {"name": "size", "shape": [2], "datatype": "FP64", "data": [42.5, 17.25]},
        {"name": "count", "shape": [2, 1], "datatype": "INT64", "data": [[3], [0]]},
    ]
    return InferenceRequest(**({"inputs": inputs} | more))


def test_every_question_of_the_document_is_answered(api: Api, client: Any) -> None:
    client.check_server_liveness()
    client.check_server_readiness()
    assert client.read_server_metadata().name == "mlyard-model-api"
    assert client.read_model_metadata("prices").versions == ["1"]
    assert client.read_model_version_metadata("prices", "1").inputs[0].shape == [-1]
    client.check_model_readiness("prices")
    client.check_model_version_readiness("prices", "1")
    rows: list[dict[str, object]] = [{"size": 42.5, "count": 3}, {"size": 17.25, "count": 0}]
    expected = [answer["prediction"] for answer in api.predict("prices", rows)]
    for found in (
        client.model_infer("prices", request=request(id="42")),
        client.model_version_infer("prices", "1", request=request(id="42", outputs=[{"name": "prediction"}])),
    ):
        assert (found.id, found.model_name, found.model_version) == ("42", "prices", "1")
        assert found.outputs[0].data.__root__ == expected


def test_errors_have_the_form_and_the_status_of_the_document(client: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.model_infer("prices", request=request(inputs=[]))
    assert refused.value.body == {"error": "size: is missing; count: is missing"}
    with pytest.raises(NotFoundError) as unknown:
        client.check_model_readiness("nothing")
    assert set(unknown.value.body) == {"error"}
    with pytest.raises(ApiError) as missing:
        client.read_model_metadata("nothing")
    assert missing.value.status_code == 404
