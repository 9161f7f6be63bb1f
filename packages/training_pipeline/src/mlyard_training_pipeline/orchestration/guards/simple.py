"""Airflow's simple auth manager behind the guards. It keeps the name, by which Airflow tells the managers apart."""

from typing import Any

from airflow.api_fastapi.auth.managers.simple import simple_auth_manager

from mlyard_training_pipeline.orchestration.guards.managers import with_guards


class SimpleAuthManager(simple_auth_manager.SimpleAuthManager):
    """One account, from a file."""

    def get_fastapi_middlewares(self) -> list[tuple[Any, dict[str, Any]]]:
        """Put the guards in front of the server."""
        return with_guards(super().get_fastapi_middlewares())
