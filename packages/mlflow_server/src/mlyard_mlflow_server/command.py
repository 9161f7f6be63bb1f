"""From settings to MLflow's own command and its environment."""

import os
from collections.abc import Mapping

from mlyard_mlflow_server.settings import Settings

SERVER_PID = "_MLYARD_MLFLOW_SERVER_PID"


def server_command(settings: Settings) -> list[str]:
    """Return MLflow's command, without a secret in it: what it is told, it tells its workers on their command lines."""
    command = ["mlflow", "server", "--app-name", "mlyard"]
    command += ["--host", settings.host, "--port", str(settings.port), "--workers", str(settings.workers)]
    command += ["--allowed-hosts", ",".join(settings.address.patterns)]
    return [*command, "--serve-artifacts", "--artifacts-destination", settings.artifact_root]


def server_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of that command. Where we have no setting, a `MLFLOW_*` variable of the user's wins."""
    uri = settings.backend_store_uri.get_secret_value()
    ours = {
        SERVER_PID: str(os.getpid()),
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_REGISTRY_STORE_URI": uri,
        # Clients reach artifacts through the server alone, so no path has to be shared with them.
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": "mlflow-artifacts:/",
        # A module in the working folder never stands in for one of MLflow's.
        "PYTHONSAFEPATH": "1",
    }
    defaults = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(settings.address.origins),
        # A stuck client holds a stop up for 3 s at most; lines for every poll would bury the log's news.
        "MLFLOW_UVICORN_OPTS": "--timeout-graceful-shutdown 3 --no-access-log",
    }
    return {**defaults, **environment, **ours}
