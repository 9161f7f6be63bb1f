"""Airflow's processes: what each needs is put in place, then this process becomes Airflow's own."""

import os
import socket
import sys
from importlib.util import find_spec

from mlyard_training_pipeline.orchestration.errors import CannotStart
from mlyard_training_pipeline.orchestration.processes.database import check
from mlyard_training_pipeline.orchestration.processes.home import prepare, write_passwords
from mlyard_training_pipeline.settings import PREFIX, Settings

PROCESSES = {
    "api-server": ("api-server",),
    # Without the flag these two serve their logs on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "celery-worker": ("celery", "worker", "--skip-serve-logs"),
}
"""Each one's arguments to Airflow's command."""

RUN_TASKS = ("scheduler", "celery-worker")
"""The processes whose log level is that of tasks."""


def become(process: str, settings: Settings) -> None:
    """Become one of Airflow's processes, so that it gets this one's signals. Does not return.

    Raises:
        CannotStart: Airflow is not installed, the database is not there yet, or a folder or the port cannot be used.
        SettingsError: a secret is missing or has the wrong form.
    """
    environment = prepare(settings, runs_tasks=process in RUN_TASKS)
    if process == "celery-worker":
        _celery(environment["AIRFLOW__CORE__EXECUTOR"])
    check(settings)
    if process == "api-server":
        _free(settings)
        if settings.auth_manager == "simple":
            write_passwords(settings)
    command = [sys.executable, "-m", "airflow", *PROCESSES[process]]
    os.execve(sys.executable, command, {**os.environ, **environment})  # noqa: S606 - our own list, and no shell is wanted


def _celery(executor: str) -> None:
    if find_spec("airflow.providers.celery") is None:
        raise CannotStart("Celery is not installed: add it with `pip install 'apache-airflow-providers-celery'`")
    if "Celery" not in executor:
        raise CannotStart(f"tasks go not to Celery but to {executor}: set AIRFLOW__CORE__EXECUTOR=CeleryExecutor")


def _free(settings: Settings) -> None:
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As uvicorn does it: connections that a former process left in TIME_WAIT do no harm.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror}): free it, or set {PREFIX}HOST or {PREFIX}PORT"
        ) from error
