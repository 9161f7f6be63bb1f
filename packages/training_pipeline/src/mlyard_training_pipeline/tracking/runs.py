"""MLflow's runs as the steps need them: found by their tags, so that a step that runs twice finds what it left."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlyard_shared.registry import Registry
from mlyard_shared.registry.errors import translated
from mlyard_shared.spec import ModelSpec, read_spec

from mlyard_training_pipeline.tracking.names import KIND, PARENT, RUN_KEY, SPEC_FILE, Kind


class Tracking:
    """The runs of one MLflow server. Every method raises a `RegistryError` when the server is away or says no."""

    def __init__(self, registry: Registry) -> None:
        """Work through the registry's client; nothing is asked of it yet."""
        self.uri = registry.uri
        self._client = registry.client
        self._specs: dict[str, ModelSpec] = {}

    def experiment(self, model: str) -> str:
        """The id of a model's experiment, which is made where there is none."""
        found = self.find_experiment(model)
        if found is not None:
            return found
        with translated(self.uri):
            try:
                return str(self._client.create_experiment(model))
            except MlflowException:
                # Another process was faster, or the experiment lies in MLflow's trash: then this raises again.
                found = self.find_experiment(model)
                if found is None:
                    raise
                return found

    def find_experiment(self, model: str) -> str | None:
        """The id of a model's experiment, or None."""
        with translated(self.uri):
            found = self._client.get_experiment_by_name(model)
        return str(found.experiment_id) if found else None

    def search(self, experiment_id: str, **tags: str) -> list[Any]:
        """The runs of an experiment that carry all of these tags (`__` stands for the dot), newest first."""
        condition = " and ".join(f"tags.`{name.replace('__', '.')}` = '{value}'" for name, value in tags.items())
        runs: list[Any] = []
        token: str | None = None
        with translated(self.uri):
            while True:
                page = self._client.search_runs(
                    [experiment_id], condition, order_by=["attributes.start_time DESC"], page_token=token
                )
                runs += page
                token = page.token
                if not token:
                    return runs

    def create(self, experiment_id: str, kind: Kind, *, name: str, tags: Mapping[str, str]) -> Any:
        """Begin a run."""
        with translated(self.uri):
            return self._client.create_run(experiment_id, run_name=name, tags={KIND: kind, **tags})

    def end(self, run_id: str, status: Literal["FINISHED", "FAILED"]) -> None:
        """End a run."""
        with translated(self.uri):
            self._client.set_terminated(run_id, status)

    def delete(self, run_id: str) -> None:
        """Put a run into MLflow's trash; its artifacts stay where they are."""
        with translated(self.uri):
            self._client.delete_run(run_id)

    def find_training(self, model: str, run_key: str) -> Any | None:
        """The parent run of a run key, or None."""
        experiment = self.find_experiment(model)
        if experiment is None:
            return None
        runs = self.search(experiment, mlyard__kind="training", mlyard__run_key=_quotable(run_key))
        return runs[-1] if runs else None

    def open_training(self, model: str, run_key: str) -> Any:
        """The parent run of a run key: found and set going again, or begun."""
        run = self.find_training(model, run_key)
        if run is None:
            return self.create(self.experiment(model), "training", name=run_key, tags={RUN_KEY: _quotable(run_key)})
        if run.info.status != "RUNNING":
            with translated(self.uri):
                self._client.update_run(run.info.run_id, "RUNNING")
        return run

    def children(self, run: Any, **tags: str) -> list[Any]:
        """The candidates' runs below a parent run, newest first."""
        return self.search(run.info.experiment_id, **{PARENT.replace(".", "__"): run.info.run_id}, **tags)

    def get(self, run_id: str) -> Any:
        """A run by its id."""
        with translated(self.uri):
            return self._client.get_run(run_id)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        with translated(self.uri):
            for name, value in tags.items():
                self._client.set_tag(run_id, name, value)

    def log(self, run_id: str, *, metrics: Mapping[str, float], parameters: Mapping[str, Any]) -> None:
        """Log metrics and parameters in one request."""
        now = int(time.time() * 1000)
        with translated(self.uri):
            self._client.log_batch(
                run_id,
                metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
                params=[Param(name, str(value)[:6000]) for name, value in parameters.items()],
            )

    def store(self, run_id: str, file: Path) -> None:
        """Store a file as an artifact of a run, under its own name."""
        with translated(self.uri):
            self._client.log_artifact(run_id, str(file))

    def store_json(self, run_id: str, name: str, document: Mapping[str, Any]) -> None:
        """Store a document as an artifact of a run."""
        with translated(self.uri):
            self._client.log_dict(run_id, dict(document), name)

    def fetch(self, run_id: str, name: str, folder: Path) -> Path:
        """Bring an artifact of a run into a folder."""
        with translated(self.uri):
            return Path(
                download_artifacts(run_id=run_id, artifact_path=name, dst_path=str(folder), tracking_uri=self.uri)
            )

    def has_artifact(self, run_id: str, name: str) -> bool:
        """Whether a run's artifact is where it was stored: a volume may be lost while the database is kept."""
        with translated(self.uri):
            return any(found.path == name for found in self._client.list_artifacts(run_id))

    def delete_artifact(self, run: Any, name: str) -> None:
        """Delete an artifact for good: deleting its run would leave it to MLflow's garbage collection."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with translated(self.uri):
            repository: Any = get_artifact_repository(run.info.artifact_uri, tracking_uri=self.uri)
            repository.delete_artifacts(name)

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


def _quotable(text: str) -> str:
    """A text as MLflow's search takes it between quotes."""
    return text.replace("'", "_")
