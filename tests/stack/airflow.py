"""Airflow's REST API under the account of the person who logs in."""

from typing import Any

import httpx


class Airflow:
    """Requests to the API server; a token is fetched for each, so that a restarted server is no special case."""

    def __init__(self, url: str, *, password: str) -> None:
        self.url = url
        self._login = {"username": "admin", "password": password}

    def token(self) -> str:
        """A token, as `POST /auth/token` gives it."""
        answer = httpx.post(f"{self.url}/auth/token", json=self._login, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """One request below `/api/v2/` that must succeed."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = httpx.request(method, f"{self.url}/api/v2/{path}", headers=headers, timeout=30, **arguments)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def dags(self) -> set[str]:
        """The DAGs that Airflow shows."""
        return {dag["dag_id"] for dag in self.request("GET", "dags")["dags"]}

    def runs(self, dag: str) -> dict[str, str]:
        """The state of each run of a DAG."""
        found = self.request("GET", f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def start(self, dag: str) -> str:
        """Start a run and return its id."""
        return str(self.request("POST", f"dags/{dag}/dagRuns", json={"logical_date": None})["dag_run_id"])

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        found: list[dict[str, Any]] = self.request("GET", f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return found
