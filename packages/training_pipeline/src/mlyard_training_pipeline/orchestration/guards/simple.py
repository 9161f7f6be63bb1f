"""Airflow's simple auth manager behind the guards. It keeps the name, by which Airflow tells the managers apart."""

from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.simple import simple_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.configuration import AIRFLOW_HOME

from mlyard_training_pipeline.orchestration import people
from mlyard_training_pipeline.orchestration.guards.managers import with_guards


class SimpleAuthManager(simple_auth_manager.SimpleAuthManager):
    """One account from the settings, and those of people, who come and go without a restart."""

    def init(self) -> None:
        """Let the sign-in know the people: Airflow asks its own class there, by a name in the module of the sign-in."""
        from airflow.api_fastapi.auth.managers.simple.services import login

        super().init()
        login.SimpleAuthManager = _WithPeople  # type: ignore[attr-defined]

    def deserialize_user(self, token: dict[str, Any]) -> SimpleAuthManagerUser:
        """Return whom a token names, with the role that they have now; ValueError where they are there no more."""
        name = token["sub"]
        for user in _WithPeople.get_users():
            if user.username == name:
                return user
        raise ValueError(f"there is no account {name} any more")

    def get_fastapi_middlewares(self) -> list[tuple[Any, dict[str, Any]]]:
        """Put the guards in front of the server."""
        return with_guards(super().get_fastapi_middlewares())


class _WithPeople(simple_auth_manager.SimpleAuthManager):
    @staticmethod
    def get_users() -> list[SimpleAuthManagerUser]:
        known = people.read(Path(AIRFLOW_HOME)).items()
        persons = [SimpleAuthManagerUser(username=name, role=person.role, teams=None) for name, person in known]
        return [*simple_auth_manager.SimpleAuthManager.get_users(), *persons]

    @staticmethod
    def get_passwords() -> dict[str, str]:
        persons = {name: person.password for name, person in people.read(Path(AIRFLOW_HOME)).items()}
        return {**persons, **simple_auth_manager.SimpleAuthManager.get_passwords()}
