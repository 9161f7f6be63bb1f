"""The first training: every spec without a champion gets a DAG run, and all runs are followed to their end."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mlyard_shared.errors import SettingsError, SpecError
from mlyard_shared.spec import ModelSpec, read_specs

from mlyard_training_pipeline.orchestration.admission import admit
from mlyard_training_pipeline.orchestration.client.airflow import Airflow
from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.client.retry import PAUSE, Retry
from mlyard_training_pipeline.orchestration.client.training import Training
from mlyard_training_pipeline.orchestration.dag_files import dag_file
from mlyard_training_pipeline.orchestration.errors import NothingToTrain
from mlyard_training_pipeline.settings import PREFIX, Settings
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.state_folder import lack
from mlyard_training_pipeline.tracking.trainings import end_lost


def ensure(
    settings: Settings,
    *,
    open_context: Callable[[], Context],
    connect: Callable[[], Airflow],
    progress: Progress,
    retry: Retry,
) -> bool:
    """Train each spec of the models' folder that has no champion; return whether all have one in the end.

    Trainings of the same models that nobody carries on any more are marked as failed. Where there is no spec to train,
    neither the registry nor Airflow is asked, and their libraries are not imported.

    Raises:
        SettingsError: there is no such folder, or it cannot be read.
        NothingToTrain: there is no spec in it.
        AirflowUnavailable, RegistryUnavailable: no answer for longer than is tried.
        AirflowDenied, RegistryDenied: the account is refused.
    """
    models = settings.models
    specs, errors = _admitted(settings)
    for error in errors:
        progress.problem(str(error))
    files = {spec.name: file for file, spec in specs.items()}
    if not (files or errors):
        raise NothingToTrain(str(models.absolute()))
    if not files:
        return False
    context = open_context()
    untrained = [name for name in files if retry.call(partial(context.registry.find, name, "champion")) is None]
    begun = [name for name in files if retry.call(partial(context.tracking.running, name, "training"))]
    if not untrained:
        progress.line("", f"each of {', '.join(files)} has a champion")
    if not (untrained or begun):
        return not errors
    airflow = connect()
    retry.call(airflow.warm_up)
    for name in begun:
        for _ in retry.call(partial(_end_lost, context, airflow, name)):
            progress.line(name, "a training that nobody carries on is marked as failed")
    trainings = [
        Training(
            name,
            dag_file=str(dag_file(files[name], models=models)),
            airflow=airflow,
            retry=retry,
            progress=progress,
            lack=partial(lack, settings.state),
        )
        for name in untrained
    ]
    while unfinished := [training for training in trainings if not training.done]:
        for training in unfinished:
            training.step()
        time.sleep(PAUSE)
    return not errors and not any(training.problem for training in trainings)


def _end_lost(context: Context, airflow: Airflow, model: str) -> tuple[str, ...]:
    return end_lost(context, model, under_way=airflow.unfinished_runs(model))


def _admitted(settings: Settings) -> tuple[Mapping[Path, ModelSpec], tuple[SpecError, ...]]:
    """The specs that Airflow trains, and the errors of the others."""
    models = settings.models
    if not models.is_dir():
        raise SettingsError(
            f"{PREFIX}MODELS is not a folder: {models.absolute()}; make it, or set the variable to that of your specs"
        )
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
