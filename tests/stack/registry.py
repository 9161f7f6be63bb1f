"""MLflow's REST API under one of its accounts."""

from typing import Any

import httpx


class Mlflow:
    """Requests to the tracking server as one user."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self.url = url
        self._auth = (user, password)

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request below `/api/2.0/`."""
        return httpx.request(method, f"{self.url}/api/2.0/{path}", auth=self._auth, timeout=30, **arguments)

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON of a GET that must succeed."""
        answer = self.request("GET", path, params=parameters)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def versions(self, model: str) -> list[dict[str, Any]]:
        """Every version of a model."""
        found = self.get("mlflow/model-versions/search", filter=f"name='{model}'", max_results=100)
        versions: list[dict[str, Any]] = found.get("model_versions", [])
        return versions

    def champion(self, model: str) -> int | None:
        """The number of the version that serves."""
        answer = self.request("GET", "mlflow/registered-models/alias", params={"name": model, "alias": "champion"})
        return int(answer.json()["model_version"]["version"]) if answer.is_success else None
