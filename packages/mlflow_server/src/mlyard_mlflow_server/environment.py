"""From settings to the environment in which MLflow's server reads them."""

import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mlyard_shared.errors import SettingsError

from mlyard_mlflow_server.settings import Settings

# What `mlflow server` hands to its own worker processes. The names are private to MLflow: a test holds them to the
# installed version's, and the dependency is pinned to its minor version.
BACKEND_STORE = "_MLFLOW_SERVER_FILE_STORE"
REGISTRY_STORE = "_MLFLOW_SERVER_REGISTRY_STORE"
ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
ARTIFACTS_DESTINATION = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
SERVE_ARTIFACTS = "_MLFLOW_SERVER_SERVE_ARTIFACTS"
GATEWAY = "_MLFLOW_SGI_NAME"
BOOT_ID = "_MLFLOW_SERVER_BOOT_ID"
IN_JOB = "_MLFLOW_IN_JOB_EXECUTOR"
ADMIN_EXISTS = "_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"
FLASK_KEY = "MLFLOW_FLASK_SERVER_SECRET_KEY"

SECRET = (BACKEND_STORE, REGISTRY_STORE, FLASK_KEY, "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Never in the environment of a new process, which sets them anew: MLflow the last two, when it opens its stores."""

OPTIONS = {
    "MLFLOW_READ_REPLICA_BACKEND_STORE_URI": "_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE",
    "MLFLOW_STATIC_PREFIX": "_MLFLOW_STATIC_PREFIX",
    "MLFLOW_EXPOSE_PROMETHEUS": "prometheus_multiproc_dir",
}
"""Variables of the command `mlflow server`, and what it makes of them. All others are read by the server itself."""

NOT_HERE = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "it runs no jobs",
    "MLFLOW_ARTIFACTS_ONLY": "it is always a registry too",
    "MLFLOW_GUNICORN_OPTS": "it runs uvicorn",
}
OFF = {"", "0", "false"}


def server_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server process. Where we have no setting, a `MLFLOW_*` variable of the user's wins.

    Raises:
        SettingsError: a variable of MLflow's asks for what this server does not do.
    """
    for name, reason in NOT_HERE.items():
        if environment.get(name, "").lower() not in OFF:
            raise SettingsError(f"{name} is not for this server, since {reason}: unset it")
    uri = settings.backend_store_uri.get_secret_value()
    ours = {
        BACKEND_STORE: uri,
        REGISTRY_STORE: uri,
        # Clients reach artifacts through the server alone, so no path has to be shared with them.
        ARTIFACT_ROOT: "mlflow-artifacts:/",
        ARTIFACTS_DESTINATION: settings.artifact_root,
        SERVE_ARTIFACTS: "true",
        GATEWAY: "uvicorn",
        IN_JOB: "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(settings.address.patterns),
    }
    if settings.auth == "basic" and settings.flask_secret_key is not None:
        ours |= {FLASK_KEY: settings.flask_secret_key.get_secret_value(), ADMIN_EXISTS: "true"}
    defaults = {
        BOOT_ID: uuid.uuid4().hex,  # one for all workers: the first process sets it, the others find it set
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(settings.address.origins),
        # A stuck client holds a stop up for 3 s at most; lines for every poll would bury the rest of the log.
        # Proxies keep idle connections for 60 s and more: one that uvicorn had closed would fail a request.
        "MLFLOW_UVICORN_OPTS": "--timeout-graceful-shutdown 3 --timeout-keep-alive 75 "
        f"--{'' if settings.access_log else 'no-'}access-log",
    }
    options = {private: environment[name] for name, private in OPTIONS.items() if environment.get(name)}
    return {**defaults, **environment, **options, **ours}


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import MLflow's server without Starlette's word to its authors, which would be the first line of every log."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")
        yield
