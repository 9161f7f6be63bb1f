"""MLflow's experiments and runs: found, made, and told from those that an account may not see."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from mlflow.entities import LifecycleStage, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from mlyard_shared.errors import ExperimentMissing, RegistryDenied, RunMissing
from mlyard_shared.registry.errors import translated, without_password
from mlyard_shared.registry.writes import written

NOTE = "mlflow.note.content"
"""The tag that MLflow's pages show as the description of an experiment or a run."""

_OF_TRAININGS = {"mlflow.experimentKind": "custom_model_development"}
"""What MLflow's pages ask a person about, unless it is said: that an experiment is not about language models."""


def find_experiment(client: MlflowClient, name: str, *, uri: str) -> str | None:
    """The id of an experiment, or None where there never was one of this name.

    Raises:
        ExperimentMissing: it lies in MLflow's trash, where nothing can be written and its name is taken.
    """
    found = _find(client, name, uri=uri)
    return None if found is None else str(found.experiment_id)


def ensure_experiment(client: MlflowClient, name: str, *, uri: str, description: str = "") -> str:
    """The id of an experiment, which is made where there is none.

    Args:
        client: of the registry.
        name: of the experiment.
        uri: of the registry.
        description: what its page says, unless it says something already.

    Raises:
        ExperimentMissing: it lies in MLflow's trash.
    """
    tags = {**_OF_TRAININGS, NOTE: description} if description else {}
    found = _find(client, name, uri=uri)
    if found is not None:
        with translated(uri):
            for key, value in tags.items() if NOTE not in found.tags else ():
                written(partial(client.set_experiment_tag, found.experiment_id, key, value))
        return str(found.experiment_id)
    with translated(uri):
        try:
            return str(client.create_experiment(name, tags=tags))
        except MlflowException:
            # Another caller may have been faster.
            known = find_experiment(client, name, uri=uri)
            if known is None:
                raise
            return known


def _find(client: MlflowClient, name: str, *, uri: str) -> Any | None:
    with translated(uri):
        found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise ExperimentMissing(f"{found.experiment_id} ({name})", without_password(uri), in_trash=True)
    return found


@contextmanager
def run_calls(client: MlflowClient, run_id: str, *, uri: str) -> Iterator[None]:
    """Run calls about one run, as `translated` does. MLflow's sign-in denies them for a run that is not there.

    Raises:
        RunMissing: there is no such run.
    """
    try:
        with translated(uri):
            yield
    except RegistryDenied:
        if _has_run(client, run_id, uri=uri):
            raise
        raise RunMissing(run_id, without_password(uri)) from None


def _has_run(client: MlflowClient, run_id: str, *, uri: str) -> bool:
    """Whether any experiment holds the run; an account that may not search is denied here as well."""
    token: str | None = None
    with translated(uri):
        while True:
            page = client.search_experiments(ViewType.ALL, page_token=token)
            ids = [experiment.experiment_id for experiment in page]
            if ids and client.search_runs(ids, f"attributes.run_id = '{run_id}'", ViewType.ALL, max_results=1):
                return True
            token = page.token
            if not token:
                return False
