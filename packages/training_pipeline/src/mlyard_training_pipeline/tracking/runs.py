"""MLflow's runs as the steps need them: found by their tags, so that a step that runs twice finds what it left."""

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mlflow.entities import DatasetInput, Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS
from mlyard_shared import views
from mlyard_shared.registry import Registry, artifacts
from mlyard_shared.registry.errors import translated
from mlyard_shared.registry.experiments import ensure_experiment, find_experiment, run_calls
from mlyard_shared.registry.writes import written
from mlyard_shared.spec import ModelSpec, read_spec

from mlyard_training_pipeline.tracking import provenance
from mlyard_training_pipeline.tracking.names import (
    KIND,
    PARENT,
    RUN_KEY,
    SNAPSHOTS,
    SPEC_FILE,
    Kind,
    quotable,
    training,
)

_AT_ONCE = 1000
"""Metrics in one request, of which MLflow takes no more."""


class Tracking:
    """The runs of one MLflow server. Every method raises a `RegistryError` when the server is away or says no."""

    def __init__(self, registry: Registry) -> None:
        """Work through the registry's client; nothing is asked of it yet."""
        self.uri = registry.uri
        self._client = registry.client
        self._specs: dict[str, ModelSpec] = {}

    def experiment(self, model: str) -> str:
        """The id of the experiment of a model's trainings, which is made where there is none.

        Raises:
            ExperimentMissing: it lies in MLflow's trash.
        """
        return ensure_experiment(self._client, model, uri=self.uri, description=_trainings(model))

    def show(self, experiment_id: str, metric: str) -> None:
        """Let the list of runs show how a metric was, over the folds and on the holdout."""
        view = views.scores(f"holdout_{metric}", f"cv_{metric}")
        with translated(self.uri):
            if self._client.get_experiment(experiment_id).tags.get(views.VIEW) != view:
                written(partial(self._client.set_experiment_tag, experiment_id, views.VIEW, view))

    def table_experiment(self, model: str) -> str:
        """The id of the experiment of a model's tables, which is made where there is none.

        Raises:
            ExperimentMissing: it lies in MLflow's trash.
        """
        return ensure_experiment(self._client, model + SNAPSHOTS, uri=self.uri, description=_tables(model))

    def search(self, experiment_id: str, **tags: str) -> list[Any]:
        """The runs of an experiment that carry all of these tags (`__` stands for the dot), newest first."""
        return self._find([experiment_id], _with(tags))

    def snapshots(self, model: str, **tags: str) -> list[Any]:
        """The runs that hold a model's tables, with all of these tags, newest first."""
        return self._find(self._known(model), _with({KIND: "snapshot", **tags}))

    def running(self, model: str, kind: Kind) -> list[Any]:
        """The runs of a model that nobody has ended, newest first."""
        return self._find(self._known(model), [*_with({KIND: kind}), "attributes.status = 'RUNNING'"])

    def create(self, experiment_id: str, kind: Kind, *, name: str, tags: Mapping[str, str]) -> Any:
        """Begin a run."""
        with translated(self.uri):
            return self._client.create_run(experiment_id, run_name=name, tags={KIND: kind, **tags})

    def end(self, run_id: str, status: Literal["FINISHED", "FAILED"]) -> None:
        """End a run."""
        with self._calls(run_id):
            self._client.set_terminated(run_id, status)

    def delete(self, run_id: str) -> None:
        """Put a run into MLflow's trash; its artifacts stay where they are."""
        with self._calls(run_id):
            self._client.delete_run(run_id)

    def find_training(self, model: str, run_key: str) -> Any | None:
        """The parent run of a run key, or None."""
        experiment = find_experiment(self._client, model, uri=self.uri)
        if experiment is None:
            return None
        runs = self.search(experiment, mlyard__kind="training", mlyard__run_key=quotable(run_key))
        return runs[-1] if runs else None

    def open_training(self, model: str, run_key: str, tags: Mapping[str, str]) -> Any:
        """The parent run of a run key: found and set going again, or begun with further tags."""
        run = self.find_training(model, run_key)
        if run is None:
            every = {RUN_KEY: quotable(run_key), **provenance.tags(), **tags}
            name = training(model, time.time() * 1000)
            return self.create(self.experiment(model), "training", name=name, tags=every)
        if run.info.status != "RUNNING":
            with translated(self.uri):
                self._client.update_run(run.info.run_id, "RUNNING")
        return run

    def children(self, run: Any, **tags: str) -> list[Any]:
        """The candidates' runs below a parent run, newest first."""
        return self.search(run.info.experiment_id, **{PARENT.replace(".", "__"): run.info.run_id}, **tags)

    def get(self, run_id: str) -> Any:
        """A run by its id."""
        with self._calls(run_id):
            return self._client.get_run(run_id)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        with self._calls(run_id):
            self._client.update_run(run_id, name=name)

    def log_inputs(self, run_id: str, *inputs: DatasetInput) -> None:
        """Note what a run has worked on."""
        with self._calls(run_id):
            written(partial(self._client.log_inputs, run_id, list(inputs)))

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run in one request."""
        with self._calls(run_id):
            self._client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def log(self, run_id: str, *, metrics: Mapping[str, float], parameters: Mapping[str, Any]) -> None:
        """Log metrics and parameters in one request."""
        now = int(time.time() * 1000)
        with self._calls(run_id):
            self._client.log_batch(
                run_id,
                metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
                params=[Param(name, str(value)[:6000]) for name, value in parameters.items()],
            )

    def log_series(self, run_id: str, name: str, values: Mapping[int, float]) -> None:
        """Log the values of a metric by their steps."""
        now = int(time.time() * 1000)
        series = [Metric(name, float(value), now, step) for step, value in values.items()]
        with self._calls(run_id):
            for start in range(0, len(series), _AT_ONCE):
                self._client.log_batch(run_id, metrics=series[start : start + _AT_ONCE])

    def store(self, run_id: str, file: Path) -> None:
        """Store a file as an artifact of a run, under its own name."""
        with self._calls(run_id):
            self._client.log_artifact(run_id, str(file))

    def store_folder(self, run_id: str, folder: Path, name: str) -> None:
        """Store the files of a folder as artifacts of a run, in a folder of this name."""
        with self._calls(run_id):
            self._client.log_artifacts(run_id, str(folder), name)

    def store_json(self, run_id: str, name: str, document: Mapping[str, Any]) -> None:
        """Store a document as an artifact of a run."""
        with self._calls(run_id):
            self._client.log_dict(run_id, dict(document), name)

    def store_table(self, run_id: str, name: str, columns: Mapping[str, list[Any]]) -> None:
        """Store a table as an artifact of a run, which MLflow's pages show as one.

        As MLflow's own `log_table` does, which warns of pandas 3.
        """
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        self.store_json(run_id, name, {"columns": list(columns), "data": rows})
        self.tag(run_id, {MLFLOW_LOGGED_ARTIFACTS: json.dumps([{"path": name, "type": "table"}])})

    def fetch(self, run_id: str, name: str, folder: Path) -> Path:
        """Bring an artifact of a run into a folder.

        Raises:
            ArtifactMissing: it is not where it was stored.
        """
        return artifacts.fetch(self._location(run_id, name), folder, uri=self.uri, what=f"{name} of run {run_id}")

    def fetch_all(self, run_id: str, names: Iterable[str], folder: Path) -> Path:
        """Bring artifacts of a run into a folder, which is made where it is not there.

        Raises:
            ArtifactMissing: one is not where it was stored.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            self.fetch(run_id, name, folder)
        return folder

    def has_artifact(self, run_id: str, name: str) -> bool:
        """Whether a run's artifact is where it was stored: a volume may be lost while the database is kept."""
        return artifacts.exists(self._location(run_id, name), uri=self.uri)

    def delete_artifact(self, run_id: str, name: str) -> None:
        """Delete an artifact for good: deleting its run would leave it to MLflow's garbage collection."""
        artifacts.delete(self._location(run_id, name), uri=self.uri)

    def store_spec(self, run_id: str, spec_file: Path) -> None:
        """Store a training's spec, under the one name that later steps know."""
        with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
            copy = Path(folder, SPEC_FILE)
            copy.write_bytes(spec_file.read_bytes())
            self._specs[run_id] = read_spec(copy)
            self.store(run_id, copy)

    def spec_of(self, run_id: str) -> ModelSpec:
        """The spec that a training began with, whatever has become of its file since; fetched once a process."""
        if run_id not in self._specs:
            with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
                self._specs[run_id] = read_spec(self.fetch(run_id, SPEC_FILE, Path(folder)))
        return self._specs[run_id]

    def _known(self, model: str) -> list[str]:
        """The experiments of a model that are there. Before 0.3.0 its tables were among its trainings."""
        names = (model, model + SNAPSHOTS)
        found = (find_experiment(self._client, name, uri=self.uri) for name in names)
        return [experiment for experiment in found if experiment is not None]

    def _find(self, experiments: list[str], conditions: list[str]) -> list[Any]:
        runs: list[Any] = []
        if not experiments:  # MLflow would look into its default one
            return runs
        token: str | None = None
        with translated(self.uri):
            while True:
                page = self._client.search_runs(
                    experiments,
                    " and ".join(conditions),
                    order_by=["attributes.start_time DESC"],
                    page_token=token,
                )
                runs += page
                token = page.token
                if not token:
                    return runs

    def _location(self, run_id: str, name: str) -> str:
        return f"{self.get(run_id).info.artifact_uri.rstrip('/')}/{name}"

    def _calls(self, run_id: str) -> AbstractContextManager[None]:
        return run_calls(self._client, run_id, uri=self.uri)


def _with(tags: Mapping[str, str]) -> list[str]:
    return [f"tags.`{name.replace('__', '.')}` = '{value}'" for name, value in tags.items()]


def _trainings(model: str) -> str:
    return (
        f"The trainings of {model}, one run each, with a run for each candidate below it. What won is registered as a "
        f"version of the model {model}; the tables are in `{model}{SNAPSHOTS}`, the champion's moves in "
        f"`{model}.promotions`."
    )


def _tables(model: str) -> str:
    return (
        f"The tables that {model} was trained on, one run for each content. The newest are kept, and those of versions "
        "with an alias: a setting of the pipeline says how many."
    )
