"""The commands that documents of the Open Inference Protocol show, with the key."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import KEY, Api

INPUTS = [
    {"name": "size", "shape": [2], "datatype": "FP64", "data": [42.5, 17.25]},
    {"name": "count", "shape": [2], "datatype": "INT64", "data": [3, 0]},
]
ROWS: list[dict[str, object]] = [{"size": 42.5, "count": 3}, {"size": 17.25, "count": 0}]


def curl(*arguments: str) -> Any:
    done = subprocess.run(["curl", "-sS", *arguments], check=True, capture_output=True, timeout=20)
    return json.loads(done.stdout)


@pytest.mark.parametrize("key", [("-H", f"Authorization: Bearer {KEY}"), ("-u", f"anyone:{KEY}")])
def test_inference(api: Api, tmp_path: Path, key: tuple[str, str]) -> None:
    file = tmp_path / "input.json"
    file.write_text(json.dumps({"id": "42", "inputs": INPUTS}))
    address = f"http://{api.place}/v2/models/prices/infer"
    found = curl(*key, "-H", "Content-Type: application/json", "-d", f"@{file}", address)
    assert found["outputs"][0]["data"] == [answer["prediction"] for answer in api.predict("prices", ROWS)]
    chunked = ("-H", "Transfer-Encoding: chunked")
    assert curl(*key, *chunked, "-H", "Content-Type: application/json", "-d", f"@{file}", address) == found


def test_health_and_metadata(api: Api) -> None:
    assert curl(f"http://{api.place}/v2/health/live") == {"live": True}
    assert curl(f"http://{api.place}/v2/health/ready")["ready"] is True
    key = ("-H", f"Authorization: Bearer {KEY}")
    assert curl(*key, f"http://{api.place}/v2/models/prices")["name"] == "prices"
    assert curl(f"http://{api.place}/v2/models/prices").keys() == {"error"}
