"""MLflow's runs as the steps need them: found by their tags, so that a step that runs twice finds what it left."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlyard_shared.registry import Registry
from mlyard_shared.registry.errors import translated
from mlyard_shared.spec import ModelSpec, read_spec

KIND = "mlyard.kind"
RUN_KEY = "mlyard.run_key"
CANDIDATE = "mlyard.candidate"
SNAPSHOT = "mlyard.snapshot"
SHA256 = "mlyard.snapshot_sha256"
PARENT = "mlflow.parentRunId"
SPEC_FILE = "spec.toml"
PIPELINE_FILE = "pipeline.skops"
Kind = Literal["training", "candidate", "snapshot"]


def experiment(registry: Registry, model: str) -> str:
    """The id of a model's experiment, made where there is none."""
    with translated(registry.uri):
        found = registry.client.get_experiment_by_name(model)
        if found is None:
            try:
                return str(registry.client.create_experiment(model))
            except MlflowException:
                # Another process was faster, or the experiment lies in MLflow's trash: then this raises again.
                found = registry.client.get_experiment_by_name(model)
                if found is None:
                    raise
        return str(found.experiment_id)


def search(registry: Registry, experiment_id: str, **tags: str) -> list[Any]:
    """The runs of an experiment that carry all of these tags (`__` stands for the dot), newest first."""
    condition = " and ".join(f"tags.`{name.replace('__', '.')}` = '{value}'" for name, value in tags.items())
    runs: list[Any] = []
    token: str | None = None
    with translated(registry.uri):
        while True:
            page = registry.client.search_runs(
                [experiment_id], condition, order_by=["attributes.start_time DESC"], page_token=token
            )
            runs += page
            token = page.token
            if not token:
                return runs


def create(registry: Registry, experiment_id: str, kind: Kind, *, name: str, tags: Mapping[str, str]) -> Any:
    """Begin a run."""
    with translated(registry.uri):
        return registry.client.create_run(experiment_id, run_name=name, tags={KIND: kind, **tags})


def end(registry: Registry, run_id: str, status: Literal["FINISHED", "FAILED"]) -> None:
    """End a run."""
    with translated(registry.uri):
        registry.client.set_terminated(run_id, status)


def find_training(registry: Registry, model: str, run_key: str) -> Any | None:
    """The parent run of a run key, or None."""
    with translated(registry.uri):
        found = registry.client.get_experiment_by_name(model)
    if found is None:
        return None
    runs = search(registry, found.experiment_id, mlyard__kind="training", mlyard__run_key=_quotable(run_key))
    return runs[-1] if runs else None


def open_training(registry: Registry, experiment_id: str, run_key: str, *, model: str) -> Any:
    """The parent run of a run key: found and set going again, or begun."""
    run = find_training(registry, model, run_key)
    if run is None:
        return create(registry, experiment_id, "training", name=run_key, tags={RUN_KEY: _quotable(run_key)})
    if run.info.status != "RUNNING":
        with translated(registry.uri):
            registry.client.update_run(run.info.run_id, "RUNNING")
    return run


def children(registry: Registry, run: Any, **tags: str) -> list[Any]:
    """The candidates' runs below a parent run, newest first."""
    return search(registry, run.info.experiment_id, mlflow__parentRunId=run.info.run_id, **tags)


def get(registry: Registry, run_id: str) -> Any:
    """A run by its id."""
    with translated(registry.uri):
        return registry.client.get_run(run_id)


def tag(registry: Registry, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run."""
    with translated(registry.uri):
        for name, value in tags.items():
            registry.client.set_tag(run_id, name, value)


def log(registry: Registry, run_id: str, *, metrics: Mapping[str, float], parameters: Mapping[str, Any]) -> None:
    """Log metrics and parameters in one request."""
    import time

    from mlflow.entities import Param

    now = int(time.time() * 1000)
    with translated(registry.uri):
        registry.client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)[:6000]) for name, value in parameters.items()],
        )


def store(registry: Registry, run_id: str, file: Path) -> None:
    """Store a file as an artifact of a run, under its own name."""
    with translated(registry.uri):
        registry.client.log_artifact(run_id, str(file))


def fetch(registry: Registry, run_id: str, name: str, folder: Path) -> Path:
    """Bring an artifact of a run into a folder."""
    with translated(registry.uri):
        return Path(
            download_artifacts(run_id=run_id, artifact_path=name, dst_path=str(folder), tracking_uri=registry.uri)
        )


def spec_of(registry: Registry, run_id: str) -> ModelSpec:
    """The spec that a training began with, whatever has become of its file since."""
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        return read_spec(fetch(registry, run_id, SPEC_FILE, Path(folder)))


def _quotable(text: str) -> str:
    """A text as MLflow's search takes it between quotes."""
    return text.replace("'", "_")
