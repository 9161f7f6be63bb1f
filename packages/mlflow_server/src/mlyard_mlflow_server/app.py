"""What uvicorn serves: MLflow's own application, behind our guards."""

import os
from types import ModuleType

from mlyard_mlflow_server.auth import ADMIN, PIPELINE, READER, load_auth, password_check, reader_check
from mlyard_mlflow_server.database import shown
from mlyard_mlflow_server.environment import OFF, quiet_import, server_environment
from mlyard_mlflow_server.guards.asgi import Asgi
from mlyard_mlflow_server.guards.credentials import Credentials
from mlyard_mlflow_server.guards.ending import end_with_the_supervisor, ended_in_time
from mlyard_mlflow_server.guards.faults import name_faults_of_flask, name_faults_of_the_database, named_faults
from mlyard_mlflow_server.guards.locations import own_locations_only
from mlyard_mlflow_server.guards.origin import own_origin_only
from mlyard_mlflow_server.guards.pages import own_pages
from mlyard_mlflow_server.guards.passwords import Passwords
from mlyard_mlflow_server.guards.read_only import read_only_for_readers
from mlyard_mlflow_server.guards.readiness import Readiness, with_readiness
from mlyard_mlflow_server.guards.sign_in import signed_in_only
from mlyard_mlflow_server.pulse import Pulse
from mlyard_mlflow_server.settings import Settings
from mlyard_mlflow_server.storage import Storage


def create_app() -> Asgi:
    """Return the application of one process (uvicorn calls this in each of its workers)."""
    settings = Settings.load()
    # MLflow reads its variables when it is imported. Secrets that are set here stay out of what the system shows of a
    # process, which is the environment that it was started with.
    os.environ.update(server_environment(settings, os.environ))
    end_with_the_supervisor()
    uri = settings.backend_store_uri.get_secret_value()
    storage = Storage(database=shown(uri), artifacts=settings.artifact_folder)
    app = _mlflow(settings, storage)
    probes = {"the database": Pulse(uri).feel, "the folder of the artifacts": storage.look}
    app = with_readiness(app, Readiness(probes))
    app = own_origin_only(app, os.environ["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(","))
    return ended_in_time(named_faults(app, storage))


def _mlflow(settings: Settings, storage: Storage) -> Asgi:
    """MLflow, closed, with its pages, behind the sign-in where it is on."""
    prefix = os.environ.get("MLFLOW_STATIC_PREFIX", "").rstrip("/")
    telemetry = os.environ["MLFLOW_DISABLE_TELEMETRY"].lower() in OFF
    with quiet_import():
        from mlflow import server
    name_faults_of_the_database(storage)
    name_faults_of_flask(server.app, storage)
    own_locations_only(settings.artifact_root)
    if settings.auth == "basic":
        auth = load_auth(settings)
        pages = own_pages(auth.create_app(), telemetry=telemetry, prefix=prefix)
        app = read_only_for_readers(pages, reader_check(auth))
        return signed_in_only(app, _passwords(settings, auth), is_open=auth.is_unprotected_route, prefix=prefix)
    with quiet_import():
        from mlflow.server import fastapi_app
    return own_pages(fastapi_app.app, telemetry=telemetry, prefix=prefix)


def _passwords(settings: Settings, auth: ModuleType) -> Passwords:
    """The accounts' passwords; those of the services are expected, so that no flood of wrong ones delays them."""
    passwords = Passwords(password_check(auth))
    for name, secret in (
        (ADMIN, settings.admin_password),
        (PIPELINE, settings.pipeline_password),
        (READER, settings.api_password),
    ):
        if secret is not None:
            passwords.expect(Credentials(name, secret.get_secret_value()))
    return passwords
