"""Airflow's FAB auth manager behind the guards. It keeps the name, by which Airflow tells the managers apart."""

from typing import Any

from airflow.providers.fab.auth_manager import fab_auth_manager

from mlyard_training_pipeline.orchestration.guards.managers import with_guards


class FabAuthManager(fab_auth_manager.FabAuthManager):
    """Accounts and roles in the database."""

    def get_fastapi_middlewares(self) -> list[tuple[Any, dict[str, Any]]]:
        """Put the guards in front of the server."""
        return with_guards(super().get_fastapi_middlewares())
