"""From settings to Airflow's own configuration, which is environment variables alone."""

import base64
import binascii
import json

from mlyard_shared.errors import SettingsError

from mlyard_training_pipeline.settings import PREFIX, Settings

PROMOTION_POOL = "mlyard_promotions"
"""The pool of one slot that lets one promotion happen at a time."""

SHORTEST_JWT_SECRET = 64
"""Bytes that the SHA-512 signature of Airflow's tokens asks for."""


WITHOUT_TRIGGERER = {
    "globalCss": {
        'div:has(> h2) + .chakra-stack > [data-testid="state-badge"]:nth-child(3)': {"display": "none !important"}
    }
}
"""A theme of Airflow's page: the third of the states on the first page is that of a process which no DAG here needs,
and which Airflow shows as a fault where it does not run."""


def preferences(settings: Settings, *, runs_tasks: bool) -> dict[str, str]:
    """Return variables of Airflow's own that a user may set to something else.

    At INFO everywhere, a first start is a thousand lines. What goes on stands in Airflow's pages, and what tasks do in
    their own logs, whose level is that of the process that runs them.
    """
    levels = {
        "airflow": "WARNING",
        "supervisor": "WARNING",
        "mlyard_training_pipeline.orchestration.processes.executor": "WARNING",
        "http.access": "INFO" if settings.access_log else "WARNING",
    }
    return {
        "AIRFLOW__CORE__EXECUTOR": "mlyard_training_pipeline.orchestration.processes.executor.LocalExecutor",
        # How many tasks one worker of Celery runs at once: as many as the executor that is for one machine.
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(settings.parallelism),
        "AIRFLOW__API__THEME": json.dumps(WITHOUT_TRIGGERER),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO" if runs_tasks else "WARNING",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": " ".join(f"{name}={level}" for name, level in levels.items()),
    }


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Return the variables of every Airflow process, secrets among them.

    The two settings that tasks read again and that may be relative paths are in it as absolute ones.

    Raises:
        SettingsError: a secret is missing or has the wrong form.
    """
    return {
        "AIRFLOW_HOME": str(settings.airflow_home),
        f"{PREFIX}MODELS": str(settings.models.absolute()),
        f"{PREFIX}STATE": str(settings.state.absolute()),
        **_core(settings),
        **_dags(settings),
        **_scheduler(),
        **_api(settings),
        **_login(settings),
    }


def _core(settings: Settings) -> dict[str, str]:
    logs = settings.airflow_home / "logs"
    return {
        "AIRFLOW__CORE__PARALLELISM": str(settings.parallelism),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": _fernet_key(settings),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": settings.airflow_database.get_secret_value(),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
    }


def _dags(settings: Settings) -> dict[str, str]:
    bundle = {
        "name": "specs",
        "classpath": "mlyard_training_pipeline.orchestration.dags.bundle.SpecBundle",
        "kwargs": {
            "models": str(settings.models.absolute()),
            "folders": [str(folder) for folder in settings.table_folders],
            "path": str(settings.airflow_home / "dags"),
            "refresh_interval": 4,
        },
    }
    return {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "False",
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(settings.airflow_home / "bundles"),
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        # A changed spec is parsed at once whatever this says; without one there is no reason to parse again.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    }


def _scheduler() -> dict[str, str]:
    return {
        # Half of what 0.5 costs at rest, here and in the database, for 2 s more in a training of seven steps.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
        # Its health check is a process of 90 MB; the heartbeat in the database tells as much (`health`).
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # What a killed scheduler was running is found within half a minute and tried again, not after five.
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        # A task whose process has gone. Longer than the API server needs to come back, or living tasks count as dead.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
    }


def _api(settings: Settings) -> dict[str, str]:
    # No base URL: without one, pages and redirects are relative, and people may call the server by another name than
    # Airflow's own processes do.
    return {
        "AIRFLOW__API__HOST": settings.host,
        "AIRFLOW__API__PORT": str(settings.port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": settings.secret("airflow_secret_key"),
        "AIRFLOW__API__INSTANCE_NAME": "mlyard",
        "AIRFLOW__API_AUTH__JWT_SECRET": _jwt_secret(settings),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url.rstrip('/')}/execution/",
    }


def _login(settings: Settings) -> dict[str, str]:
    if settings.auth_manager == "fab":
        return {
            "AIRFLOW__CORE__AUTH_MANAGER": "mlyard_training_pipeline.orchestration.guards.fab.FabAuthManager",
            # It refuses a right password after wrong ones from the same address, which all share behind a gateway.
            "AIRFLOW__FAB__AUTH_RATE_LIMITED": "False",
            # `airflow init` writes the permissions; each start of the API server would do so again, for seconds.
            "AIRFLOW__FAB__UPDATE_FAB_PERMS": "False",
        }
    return {
        "AIRFLOW__CORE__AUTH_MANAGER": "mlyard_training_pipeline.orchestration.guards.simple.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.airflow_user}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.airflow_home / "passwords.json"),
    }


def _jwt_secret(settings: Settings) -> str:
    secret = settings.secret("airflow_jwt_secret")
    if len(secret.encode()) < SHORTEST_JWT_SECRET:
        raise SettingsError(f"{PREFIX}AIRFLOW_JWT_SECRET is too short: give at least {SHORTEST_JWT_SECRET} bytes")
    return secret


def _fernet_key(settings: Settings) -> str:
    key = settings.secret("airflow_fernet_key")
    try:
        fits = len(base64.urlsafe_b64decode(key)) == 32
    except (binascii.Error, ValueError):
        fits = False
    if not fits:
        raise SettingsError(f"{PREFIX}AIRFLOW_FERNET_KEY is not a Fernet key: give 32 random bytes in URL-safe base64")
    return key
