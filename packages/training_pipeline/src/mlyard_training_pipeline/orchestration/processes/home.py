"""Airflow's folder: made, tried for writing, and with the variables that every process runs with."""

import json
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

from mlyard_training_pipeline.orchestration.errors import CannotStart
from mlyard_training_pipeline.orchestration.processes.environment import airflow_environment, preferences
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.state_folder import problem


def prepare(settings: Settings, *, runs_tasks: bool = False) -> dict[str, str]:
    """Make Airflow's folder and return the variables that a process runs with, which may be one that runs tasks.

    Raises:
        CannotStart: Airflow is not installed, or the folder cannot be written to.
        SettingsError: a secret is missing or has the wrong form.
    """
    if find_spec("airflow") is None:
        raise CannotStart(
            "Airflow is not installed: add it with `pip install 'mlyard-training-pipeline[airflow]'`, "
            "or train without it with `mlyard-training-pipeline run SPEC`"
        )
    chosen = {name: os.environ.get(name, value) for name, value in preferences(settings, runs_tasks=runs_tasks).items()}
    environment = {**chosen, **airflow_environment(settings)}
    home = settings.airflow_home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Airflow would write a file of defaults here, which outlives an upgrade and is for all to read.
        (home / "airflow.cfg").touch(mode=0o600)
        with tempfile.TemporaryFile(dir=home):
            return environment
    except OSError as error:
        raise CannotStart(problem(error, home)) from error


def write_passwords(settings: Settings) -> None:
    """Write the file that Airflow checks passwords against, which it opens for writing itself."""
    content = json.dumps({settings.airflow_user: settings.secret("airflow_password")})
    descriptor, name = tempfile.mkstemp(dir=settings.airflow_home, prefix=".passwords-")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{content}\n")
    Path(name).replace(settings.airflow_home / "passwords.json")
