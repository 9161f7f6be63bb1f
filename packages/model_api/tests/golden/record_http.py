"""Records what an API answers to the requests below: the examples of its HTTP contract, by the release that gave them.

    PYTHONPATH=packages/shared/src:packages/model_api/src PYTHON record_http.py RELEASE

PYTHON is that of the environment `model-api`. For a release that is over, PYTHONPATH leads into a tree of its commit
(`git archive`), and `BASE` are the requests that it knew.
"""

import asyncio
import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from mlyard_model_api.app import create_app
from mlyard_model_api.settings import Settings
from mlyard_shared.registry import ModelVersion
from pydantic import SecretStr

VERSION = "1.0"
FOLDER = Path(__file__).with_name("http") / VERSION
MODELS = Path(__file__).parents[3] / "shared/tests/golden/contract1"
NAMES = ("amount", "mixed")
KEY = "a-key-for-the-tests"
_MADE = datetime(2026, 1, 1, tzinfo=UTC)

ROW = {"size": 50.5, "count": 3, "new": True, "colour": "red", "region": "north", "seen": "2024-05-06T07:08:09Z"}
JSON = {"Content-Type": "application/json"}
KEYED = {"Authorization": f"Bearer {KEY}"}


def predict(body: Any, *, model: str = "mixed", **headers: str) -> dict[str, Any]:
    """A request for predictions; a text is a body as it is."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"method": "POST", "path": f"/models/{model}/predict", "headers": {**JSON, **headers}, "body": text}


def get(path: str) -> dict[str, Any]:
    """A request for a page."""
    return {"method": "GET", "path": path, "headers": {}, "body": ""}


BASE: dict[str, dict[str, Any]] = {
    "live": get("/health/live"),
    "ready": get("/health/ready"),
    "models": get("/models"),
    "classifier": get("/models/mixed"),
    "regression": get("/models/amount"),
    "unknown model": get("/models/nobody"),
    "unknown path": get("/nowhere"),
    "wrong method": get("/models/mixed/predict"),
    "one row": predict({"rows": [ROW]}),
    "nulls": predict({"rows": [ROW | {"size": None, "new": None, "colour": None, "seen": None}]}),
    "unseen category": predict({"rows": [ROW | {"colour": "violet"}]}),
    "columns": predict({"columns": {name: [value, value] for name, value in ROW.items()}}),
    "a number": predict({"rows": [ROW, ROW | {"size": 1e30}]}, model="amount"),
    "charset": predict({"rows": [ROW]}, **{"Content-Type": "application/json; charset=utf-8"}),
    "no key": predict({"rows": [ROW]}, Authorization=""),
    "wrong key": predict({"rows": [ROW]}, Authorization="Bearer another-key-of-that-length"),
    "no such model": predict({"rows": [ROW]}, model="nobody"),
    "not json": predict("{"),
    "not an object": predict([]),
    "no rows": predict({"rows": []}),
    "neither": predict({}),
    "both": predict({"rows": [ROW], "columns": {}}),
    "a third key": predict({"rows": [ROW], "more": 1}),
    "media type": predict({"rows": [ROW]}, **{"Content-Type": "image/png"}),
    "missing column": predict({"rows": [{name: value for name, value in ROW.items() if name != "count"}]}),
    "unknown column": predict({"rows": [ROW | {"more": 1}]}),
    "not nullable": predict({"rows": [ROW | {"count": None}]}),
    "wrong types": predict({"rows": [ROW | {"size": "3", "count": 1.5, "new": 1, "colour": 1, "seen": 20240506}]}),
    "bad date": predict({"rows": [ROW | {"seen": "2024-02-30"}]}),
    "refused category": predict({"rows": [ROW | {"region": "west"}]}),
    "second row": predict({"rows": [ROW, ROW | {"count": "x"}]}),
    "uneven columns": predict({"columns": {name: [value] * (1 + (name == "size")) for name, value in ROW.items()}}),
    "too many rows": predict({"rows": [ROW] * 6}),
    "too many bytes": predict({"rows": [ROW | {"colour": "x" * 9000}]}),
}
LATER: dict[str, dict[str, Any]] = {
    "versions": get("/models/mixed/versions"),
    "outputs": predict({"rows": [ROW]}) | {"path": "/models/mixed/predict?output=label"},
    "by version": predict({"rows": [ROW]}) | {"path": "/models/mixed/predict?version=1"},
    "absent version": predict({"rows": [ROW]}) | {"path": "/models/mixed/predict?version=9"},
    "default model": predict({"rows": [ROW]}) | {"path": "/predict"},
}
"""Requests that 0.2.0 did not know."""


class Registry:
    """The golden versions of contract 1 as champions."""

    def __init__(self, folder: Path) -> None:
        """Unpack them."""
        self._folder = folder
        for name in NAMES:
            with zipfile.ZipFile(MODELS / f"{name}.zip") as packed:
                packed.extractall(folder / name)

    def served_models(self) -> tuple[str, ...]:
        """All of them."""
        return NAMES

    def find(self, name: str, _alias: str) -> ModelVersion | None:
        """The only version of each."""
        if name not in NAMES:
            return None
        digest = json.loads((MODELS / f"{name}.answers.json").read_text())["digest"]
        return ModelVersion(
            name=name, version=1, manifest_sha256=digest, gate_report=None, run_id="run", created_at=_MADE
        )

    def standing(self, _name: str) -> Any:
        """Both the model and its promotions are there, as today's API asks."""
        from mlyard_shared.registry import Standing

        return Standing(model=_MADE, promotions=_MADE)

    def download(self, version: ModelVersion, folder: Path, **_more: Any) -> None:
        """Copy its files."""
        shutil.copytree(self._folder / version.name, folder, dirs_exist_ok=True)


@asynccontextmanager
async def serving(folder: Path, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The API of this process over the golden versions, when both serve."""
    registry: Any = Registry(folder / "registered")
    limits: dict[str, Any] = {"max_rows": 5, "max_body_bytes": 8192, "models": NAMES}
    settings = Settings(cache=folder / "cache", api_key=SecretStr(KEY), poll_seconds=0.05, **limits, **changes)
    app = create_app(settings, registry=lambda: registry)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url="http://api")
    async with app.router.lifespan_context(app), client:
        for _ in range(600):
            if (await client.get("/health/ready")).status_code == 200:
                break
            await asyncio.sleep(0.05)
        yield client


async def ask(client: httpx.AsyncClient, request: Mapping[str, Any]) -> dict[str, Any]:
    """What is answered, and of which type."""
    headers = {name: value for name, value in {**KEYED, **request["headers"]}.items() if value}
    response = await client.request(request["method"], request["path"], headers=headers, content=request["body"])
    document = response.json() if response.content else None
    return {"status": response.status_code, "type": response.headers.get("content-type"), "answer": document}


async def record(release: str) -> None:
    """Ask everything that the release knows, and write it down."""
    asked = BASE if release == "0.2.0" else BASE | LATER
    with tempfile.TemporaryDirectory() as name:
        async with serving(Path(name)) as client:
            exchanges = {title: {"request": one, **await ask(client, one)} for title, one in asked.items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(exchanges, indent=1, ensure_ascii=False)
    (FOLDER / f"{release}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
