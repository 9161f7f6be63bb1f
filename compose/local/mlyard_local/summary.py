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

from mlyard_local.errors import LocalError
from mlyard_local.services import Stack
from mlyard_local.settings import ROOT

LOADED = 60
"""Seconds that the API may take to load what the registry has."""


class Api:
    """The running model API, as a client with its key."""

    def __init__(self, address: str, key: Path) -> None:
        headers = {"Authorization": f"Bearer {key.read_text().strip()}"}
        self._client = httpx.Client(base_url=address, headers=headers, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def wait_for_models(self, check: Callable[[], None]) -> list[str]:
        """Return the names of the served models once all are loaded, or none where nothing has a champion yet.

        Raises:
            LocalError: the API is not ready in time; the message has its reason.
        """
        deadline = time.monotonic() + LOADED
        while True:
            check()
            try:
                answer = self._client.get("/health/ready")
                if answer.is_success:
                    return self._models()
                reason = " ".join(answer.text.split())[:400]
            except httpx.HTTPError as error:
                reason = str(error)
            if time.monotonic() > deadline:
                raise LocalError(f"the model API is not ready after {LOADED} s: {reason}")
            time.sleep(0.2)

    def example_row(self, model: str) -> dict[str, Any]:
        """Return a row that the model takes, from its own schema."""
        columns = self._get(f"/models/{model}")["schema"]["columns"]
        return {column["name"]: column.get("example") for column in columns}

    def _models(self) -> list[str]:
        models = self._get("/models")
        entries = models["models"] if isinstance(models, dict) else models
        return [entry["name"] if isinstance(entry, dict) else entry for entry in entries]

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


def show(console: Console, stack: Stack, models: list[str], *, row: dict[str, Any] | None) -> None:
    """Print the addresses, how to log in, and the command that predicts."""
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
    console.print()
