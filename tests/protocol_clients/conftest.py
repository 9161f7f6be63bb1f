"""A model API as it runs, over the small versions of its fixture registry, for the clients of other projects."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from ports import free_ports
from waiting import wait_until

KEY = "a-key-for-the-clients"
SERVE = Path(__file__).parents[2] / "packages" / "model_api" / "development" / "serve.py"


@dataclass(frozen=True)
class Api:
    """Where the API is, and what is sent to it that its own protocol answers."""

    port: int
    own: httpx.Client
    process: int

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def memory_mb(self) -> int:
        """What its process takes of the machine's memory."""
        shown = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.process)], capture_output=True, text=True, check=True
        )
        return int(shown.stdout) // 1024

    def predict(self, model: str, rows: list[dict[str, object]]) -> list[dict[str, object]]:
        """The answers of the API's own protocol, with which those of all others have to agree."""
        response = self.own.post(f"/models/{model}/predict", json={"rows": rows})
        assert response.status_code == 200, response.text
        answers: list[dict[str, object]] = response.json()["predictions"]
        return answers


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Serves a model of numbers alone, the default one, and one of every kind of column."""
    (port,) = free_ports(1)
    folder = tmp_path_factory.mktemp("api")
    settings = {
        "PORT": str(port),
        "CACHE": str(folder / "cache"),
        "API_KEY": KEY,
        "MODELS": "prices,visits",
        "DEFAULT_MODEL": "prices",
        "LOADABLE_MODELS": "prices",
    }
    environment = os.environ | {f"MLYARD_MODEL_API_{name}": value for name, value in settings.items()}
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, SERVE], env=environment, stdout=output, stderr=output)
        try:
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as own:
                wait_until(lambda: own.get("/health/ready").status_code == 200, seconds=60, what=log.read_text())
                yield Api(port, own, process.pid)
        finally:
            process.terminate()
            process.wait(20)
