"""APIs in processes of their own over one registry: today's, and those of releases."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

KEY = "a-key-for-the-tests"
START_SECONDS = 240


class Api(NamedTuple):
    """An API in a process of its own."""

    client: httpx.Client
    process: subprocess.Popen[bytes]

    def model(self, name: str) -> dict[str, Any]:
        """What it says of a model that it serves; nothing while it does not, or has not begun to listen."""
        try:
            response = self.client.get(f"/models/{name}")
        except httpx.ConnectError:
            return {}
        return response.json() if response.status_code == 200 else {}

    def answer(self, name: str, request: Any) -> tuple[int, Any]:
        """Status and answer but for the ids; of a refusal the places, as its words may have changed."""
        content = json.dumps(request)
        headers = {"Content-Type": "application/json"}
        response = self.client.post(f"/models/{name}/predict", content=content, headers=headers)
        document = response.json()
        if "error" in document:
            problems = document["error"]["problems"]
            return response.status_code, [(told["code"], told["row"], told["column"]) for told in problems]
        return response.status_code, [(row["prediction"], row["probabilities"]) for row in document["predictions"]]

    def serves(self, name: str, version: int) -> bool:
        return bool(self.model(name).get("version") == version)

    def refusal(self, name: str, version: int) -> str | None:
        """Why it does not serve a version, once it has looked at it."""
        refused = self.model(name).get("refused") or {}
        return str(refused["reason"]) if refused.get("version") == version else None


@contextmanager
def running(
    uri: str,
    folder: Path,
    models: Sequence[str],
    *,
    python: str | Path = sys.executable,
    sources: Sequence[Path] | None = None,
) -> Iterator[Api]:
    """Run an API: the one that an interpreter has, or that of the sources; without either, this process's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        **os.environ,
        "MLYARD_MODEL_API_PORT": str(port),
        "MLYARD_MODEL_API_REGISTRY_URI": uri,
        "MLYARD_MODEL_API_MODELS": ",".join(models),
        "MLYARD_MODEL_API_CACHE": str(folder / "cache"),
        # Each look costs the registry and the API a tenth of a second of work, while the tests do other things.
        "MLYARD_MODEL_API_POLL_SECONDS": "1.5",
        "MLYARD_MODEL_API_API_KEY": KEY,
    }
    if sources is not None:
        variables["PYTHONPATH"] = os.pathsep.join(map(str, sources))
    command = [str(python), "-m", "mlyard_model_api", "serve"]
    headers = {"Authorization": f"Bearer {KEY}"}
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, cwd=folder, stdout=log, stderr=log)
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30, trust_env=False
            ) as client:
                yield Api(client, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def answers(api: Api, path: str = "/health/live") -> bool:
    assert api.process.poll() is None, "the API has ended"
    try:
        return api.client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def ready(api: Api) -> bool:
    return answers(api, "/health/ready")


def wait(condition: Callable[[], Any], *, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
