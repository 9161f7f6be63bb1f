"""The first training: every spec without a champion gets a DAG run, and all runs are followed to their end."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from mlyard_shared.errors import SettingsError, SpecError
from mlyard_shared.registry import Alias, ModelVersion
from mlyard_shared.spec import ModelSpec, read_specs

from mlyard_training_pipeline.orchestration.admission import admit
from mlyard_training_pipeline.orchestration.client.airflow import Airflow
from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.client.retry import PAUSE, Retry
from mlyard_training_pipeline.orchestration.client.training import Training
from mlyard_training_pipeline.orchestration.dag_files import dag_file
from mlyard_training_pipeline.settings import PREFIX, Settings


class Champions(Protocol):
    """What tells which models have a champion: the registry."""

    def find(self, name: str, alias: Alias) -> ModelVersion | None:
        """The version that an alias points to."""


def ensure(
    settings: Settings, *, registry: Champions, connect: Callable[[], Airflow], progress: Progress, retry: Retry
) -> bool:
    """Train each spec of the models' folder that has no champion; return whether all have one in the end.

    Raises:
        SettingsError: there is no such folder, or it cannot be read.
        AirflowUnavailable, RegistryUnavailable: no answer for longer than is tried.
        AirflowDenied, RegistryDenied: the account is refused.
    """
    specs, errors = _admitted(settings)
    for error in errors:
        progress.problem(str(error))
    files = {spec.name: file for file, spec in specs.items()}
    untrained = [name for name in files if retry.call(partial(registry.find, name, "champion")) is None]
    if not untrained:
        nothing = f"there is no spec to train in {settings.models}"
        progress.line("", f"each of {', '.join(files)} has a champion" if files else nothing)
        return not errors
    airflow = connect()
    retry.call(airflow.warm_up)
    trainings = [
        Training(
            name,
            dag_file=str(dag_file(files[name], models=settings.models)),
            airflow=airflow,
            retry=retry,
            progress=progress,
        )
        for name in untrained
    ]
    while unfinished := [training for training in trainings if not training.done]:
        for training in unfinished:
            training.step()
        time.sleep(PAUSE)
    return not errors and not any(training.problem for training in trainings)


def _admitted(settings: Settings) -> tuple[Mapping[Path, ModelSpec], tuple[SpecError, ...]]:
    """The specs that Airflow trains, and the errors of the others."""
    models = settings.models
    if not models.is_dir():
        raise SettingsError(f"{PREFIX}MODELS is not a folder: {models}")
    if not os.access(models, os.R_OK | os.X_OK):
        raise SettingsError(
            f"{PREFIX}MODELS: the user {os.getuid()} may not read {models}: let it, "
            "as with `chmod -R a+rX` on the folder"
        )
    specs, errors = read_specs(models)
    admitted = {}
    for file, spec in specs.items():
        try:
            admit(spec, file, folders=settings.table_folders)
        except SpecError as error:
            errors += (error,)
        else:
            admitted[file] = spec
    return admitted, errors
