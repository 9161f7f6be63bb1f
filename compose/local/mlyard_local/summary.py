"""What `up` shows in the end: addresses, how to log in, and a prediction to paste."""

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from rich.console import Console
from rich.text import Text

from mlyard_local import readiness
from mlyard_local.services import Probe, Stack
from mlyard_local.settings import ROOT

LOADED = 60
"""Seconds that the API may take to load what the registry has."""


class Api:
    """The running model API, as a client with its key."""

    def __init__(self, address: str, key: Path) -> None:
        headers = {"Authorization": f"Bearer {key.read_text().strip()}"}
        self._ready = Probe(f"{address}/health/ready")
        self._client = httpx.Client(base_url=address, headers=headers, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def wait_until_ready(self, check: Callable[[], None], *, seconds: float = LOADED) -> str:
        """Return nothing once the API is ready, or in the end why it is not."""
        deadline = time.monotonic() + seconds
        while True:
            check()
            reason = readiness.ask(self._ready, self._client)
            if not reason or time.monotonic() > deadline:
                return reason
            time.sleep(0.2)

    def models(self) -> list[str]:
        """Return the names of the served models; none where the API cannot tell."""
        try:
            models = self._get("/models")
        except (httpx.HTTPError, ValueError):
            return []
        entries = models["models"] if isinstance(models, dict) else models
        return [entry["name"] if isinstance(entry, dict) else entry for entry in entries]

    def example_row(self, model: str) -> dict[str, Any]:
        """Return a row that the model takes, from its own schema."""
        columns = self._get(f"/models/{model}")["schema"]["columns"]
        return {column["name"]: column.get("example") for column in columns}

    def _get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()


def curl(address: str, model: str, *, key: Path, row: dict[str, Any]) -> str:
    """Return a command that predicts one row, for a shell in the repository; the key is read when it runs."""
    body = json.dumps({"rows": [row]})
    return (
        f'curl -sS -H "Authorization: Bearer $(cat {shown(key)})" -H "Content-Type: application/json"'
        f" -d {shlex.quote(body)} {address}/models/{model}/predict"
    )


def shown(path: Path) -> str:
    """Return a path as one types it in a shell in the repository."""
    return shlex.quote(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path))


def show(console: Console, stack: Stack, models: list[str], *, row: dict[str, Any] | None, missing: str) -> None:
    """Print the addresses, how to log in, the command that predicts, and whether the API is ready or what it misses."""
    key = stack.folder.secrets / "model_api" / "api_key"
    password = stack.folder.secrets / "training_pipeline" / "airflow_password"
    console.print("\nThe stack is up. Ctrl-C stops it.\n", style="bold", highlight=False)
    for name, address, login in (
        ("Model API", f"{stack.model_api}/docs", f"bearer key:            cat {shown(key)}"),
        ("Airflow", stack.airflow, f"user admin, password:  cat {shown(password)}"),
        ("MLflow", stack.mlflow, "no login"),
    ):
        # Lines, not a rich table, which folds a path in a narrow terminal so that it cannot be pasted.
        line = Text.assemble(f"{name:<11}", (f"{address:<30}", "cyan"), login)
        console.print(line, soft_wrap=True)
    if row is not None:
        console.print(f"\nServed: {', '.join(models)}. A prediction:\n", highlight=False, soft_wrap=True)
        command = curl(stack.model_api, models[0], key=key, row=row)
        console.print(Text(command, style="cyan"), soft_wrap=True)
    else:
        console.print(f"\nNo model yet: put a spec into {stack.settings.specs()}", highlight=False, soft_wrap=True)
    ready = f"The model API is not ready: {missing}" if missing else f"The model API is ready: {stack.model_api}"
    console.print(f"\n{ready}", highlight=False, soft_wrap=True)
