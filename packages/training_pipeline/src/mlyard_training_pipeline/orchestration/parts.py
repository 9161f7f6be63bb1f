"""Airflow's processes: what each needs is put in place, then this process becomes Airflow's own."""

import json
import os
import socket
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from mlyard_training_pipeline.orchestration.environment import airflow_environment
from mlyard_training_pipeline.orchestration.errors import CannotStart
from mlyard_training_pipeline.settings import PREFIX, Settings

PARTS = {
    "api-server": ("api-server",),
    # Without the flag these two serve their logs on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
"""Each part's arguments to Airflow's command."""


def become(part: str, settings: Settings) -> None:
    """Become one of Airflow's processes, so that it gets this one's signals. Does not return.

    Raises:
        CannotStart: Airflow is not installed, the database is not there yet, or a folder or the port cannot be used.
        SettingsError: a secret is missing or has the wrong form.
    """
    from mlyard_training_pipeline.orchestration.database import check

    environment = prepare(settings)
    check(settings)
    if part == "api-server":
        _free(settings)
        if settings.auth_manager == "simple":
            write_passwords(settings)
    command = [sys.executable, "-m", "airflow", *PARTS[part]]
    os.execve(sys.executable, command, {**os.environ, **environment})  # noqa: S606 - our own list, and no shell is wanted


def prepare(settings: Settings) -> dict[str, str]:
    """Make Airflow's folder and return the variables that every part runs with.

    Raises:
        CannotStart: Airflow is not installed, or the folder cannot be written to.
        SettingsError: a secret is missing or has the wrong form.
    """
    if find_spec("airflow") is None:
        raise CannotStart(
            "Airflow is not installed: add it with `pip install 'mlyard-training-pipeline[airflow]'`, "
            "or train without it with `mlyard-training-pipeline run SPEC`"
        )
    environment = airflow_environment(settings)
    home = settings.airflow_home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Airflow would write a file of defaults here, which outlives an upgrade and is for all to read.
        (home / "airflow.cfg").touch(mode=0o600)
        with tempfile.TemporaryFile(dir=home):
            return environment
    except OSError as error:
        raise CannotStart(
            f"cannot write into {home} ({error.strerror}): let this user write there, or set {PREFIX}STATE"
        ) from error


def write_passwords(settings: Settings) -> None:
    """Write the file that Airflow checks passwords against, which it opens for writing itself."""
    content = json.dumps({settings.airflow_user: settings.secret("airflow_password")})
    descriptor, name = tempfile.mkstemp(dir=settings.airflow_home, prefix=".passwords-")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{content}\n")
    Path(name).replace(settings.airflow_home / "passwords.json")


def _free(settings: Settings) -> None:
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As uvicorn does it: connections that a former server left in TIME_WAIT are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror}): free it, or set {PREFIX}HOST or {PREFIX}PORT"
        ) from error
