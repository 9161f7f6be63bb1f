"""A prediction is answered alike on its short way and on the long one, on a real socket."""

import re
from typing import Any

import httpx
import pytest

from .test_development import served

__all__ = ["served"]  # a fixture

LONG_WAY = {"Origin": "http://a.test"}
"""A header that the short way leaves to the long one."""
VISIT = {"size": 42.5, "count": 3, "new": True, "colour": "blue", "weight": None, "seen": "2025-03-01T12:00:00+02:00"}
PRICE = {"size": 42.5, "count": 3}
INPUTS = [
    {"name": "size", "datatype": "FP64", "shape": [1], "data": [42.5]},
    {"name": "count", "datatype": "INT64", "shape": [1], "data": [3]},
]
REQUESTS = {
    "a number": ("/models/prices/predict", {"rows": [PRICE]}),
    "a class": ("/models/visits/predict", {"rows": [VISIT, VISIT]}),
    "of another version": ("/models/prices/predict?version=1", {"rows": [PRICE]}),
    "a wrong value": ("/models/visits/predict", {"rows": [VISIT, VISIT | {"count": "many"}]}),
    "a wrong body": ("/models/visits/predict", []),
    "no rows": ("/models/prices/predict", {"rows": []}),
    "no such version": ("/models/prices/predict?version=9", {"rows": [PRICE]}),
    "no such model": ("/models/nothing/predict", {"rows": [PRICE]}),
    "no default": ("/predict", {"rows": [PRICE]}),
    "of MLflow's": ("/models/prices/invocations", {"dataframe_records": [PRICE]}),
    "wrong for MLflow's": ("/models/prices/invocations", {"dataframe_records": [{}]}),
    "of V2": ("/v2/models/prices/infer", {"inputs": INPUTS, "id": "7"}),
    "wrong for V2": ("/v2/models/prices/infer", {"inputs": INPUTS[:1]}),
}


def without_ids(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_both_ways_answer_alike(served: tuple[httpx.Client, str], request_: tuple[str, Any]) -> None:
    client, _ = served
    path, body = request_
    for sent in ({}, {"X-Request-ID": "job:7"}):
        short = client.post(path, json=body, headers=sent)
        long = client.post(path, json=body, headers=sent | LONG_WAY)
        assert short.status_code == long.status_code
        assert without_ids(short.text) == without_ids(long.text)
        # A refusal before the body has come ends the connection.
        assert set(short.headers) - {"connection"} == set(long.headers) - {"connection"}
        assert short.headers["Content-Type"] == long.headers["Content-Type"]
        for answer in (short, long):
            assert len(answer.headers.get_list("X-Request-ID")) == 1
            assert not sent or answer.headers["X-Request-ID"] == "job:7"


def test_both_ways_are_counted(served: tuple[httpx.Client, str]) -> None:
    client, _ = served

    def counted() -> float:
        labels = 'model="returns",route="/models/{name}/predict",status="200",version="1"'
        found = re.search(rf"^mlyard_model_api_requests_total{{{re.escape(labels)}}} (.*)$", page(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def page() -> str:
        # The labels of a line are in the order in which the metric has them.
        lines = [
            re.sub(r"{(.*)}", lambda match: "{" + ",".join(sorted(match[1].split(","))) + "}", line)
            for line in client.get("/metrics").text.splitlines()
        ]
        return "\n".join(lines)

    before = counted()
    row = {"count": 3, "new": True, "colour": "blue"}
    for sent in ({}, LONG_WAY):
        assert client.post("/models/returns/predict", json={"rows": [row]}, headers=sent).status_code == 200
    assert counted() == before + 2
