"""What the auth managers with guards have in common: Airflow asks its auth manager what stands before the server."""

from typing import Any

from mlyard_training_pipeline.orchestration.guards.asgi import Asgi
from mlyard_training_pipeline.orchestration.guards.credentials import Credentials
from mlyard_training_pipeline.orchestration.guards.origin import own_origin_only
from mlyard_training_pipeline.orchestration.guards.sign_in import delayed_sign_in
from mlyard_training_pipeline.settings import Settings


def with_guards(middlewares: list[tuple[Any, dict[str, Any]]]) -> list[tuple[Any, dict[str, Any]]]:
    """Return Airflow's own middlewares with the guards around them: of a list, the last one is the outermost."""
    from airflow.configuration import conf

    return [*middlewares, (guarded, {"origins": conf.getlist("api", "access_control_allow_origins")})]


def guarded(app: Asgi, *, origins: list[str]) -> Asgi:
    """Return the application behind the guards."""
    settings = Settings.load()
    password = settings.airflow_password.get_secret_value() if settings.airflow_password else ""
    expected = Credentials(settings.airflow_user, password) if password else None
    return own_origin_only(delayed_sign_in(app, expected=expected), origins)
