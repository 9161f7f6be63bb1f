"""How each model stands: its last run and its next one from Airflow, its champion from the registry."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mlyard_shared.errors import ArtifactMissing, ModelVersionRefused, RegistryError
from mlyard_shared.registry import ModelVersion

from mlyard_training_pipeline.orchestration.client.dags import Dag, DagRun, Dags
from mlyard_training_pipeline.tracking.context import Context

if TYPE_CHECKING:
    from mlyard_shared.registry import Registry


class Champion(NamedTuple):
    """The version that serves, and how good it was on the rows held out; a score of None could not be read."""

    version: int
    metric: str | None
    score: float | None

    def __str__(self) -> str:
        return f"version {self.version}" + (
            f", {self.metric} {self.score:.4g} on the holdout" if self.score is not None else ""
        )


class Model(NamedTuple):
    """What is known of one model; a DAG that cannot be used has its import error."""

    name: str
    paused: bool
    last_run: DagRun | None
    next_run: datetime | None
    champion: Champion | None
    import_error: str | None

    @property
    def state(self) -> str:
        """The state in one or two words."""
        last = self.last_run.state if self.last_run else "not run yet"
        return "import error" if self.import_error else f"{last}, paused" if self.paused else last


class Status(NamedTuple):
    """How models stand; `import_errors` are of files without a DAG, `registry_error` says why champions are unknown."""

    models: tuple[Model, ...]
    import_errors: dict[str, str]
    registry_error: str | None

    def as_json(self) -> dict[str, Any]:
        """As a program reads it."""
        models = [{**model._asdict(), "state": model.state} for model in self.models]
        for model in models:
            for field in ("last_run", "champion"):
                model[field] = model[field] and model[field]._asdict()
        return {"models": models, "import_errors": self.import_errors, "registry_error": self.registry_error}


def status(dags: Dags, *, open_context: Callable[[], Context], model: str | None = None) -> Status:
    """Ask how the models stand, or one of them. Airflow has to answer, the registry may be away.

    Raises:
        NotInAirflow: there is no DAG of this model; what is wrong with its file, or the near names, are told.
    """
    all_dags, errors = dags.all(), dags.errors()
    asked = [dag for dag in all_dags if model in (None, dag.name)]
    if model is not None and not asked:
        asked = [dags.known(model)]
    champions, problem = _champions([dag for dag in asked if dag.trains], open_context)
    found = [_model(dags, dag, champions.get(dag.name), errors.get(dag.file)) for dag in asked]
    with_dag = {dag.file for dag in all_dags}
    others = {file: error for file, error in errors.items() if model is None and file not in with_dag}
    return Status(tuple(found), others, problem)


def _model(dags: Dags, dag: Dag, champion: Champion | None, error: str | None) -> Model:
    last = dags.runs(dag.name, limit=1)
    return Model(dag.name, dag.paused, last[0] if last else None, dag.next_run, champion, error)


def _champions(dags: list[Dag], open_context: Callable[[], Context]) -> tuple[dict[str, Champion], str | None]:
    """The champions that the registry tells, and why it tells no more."""
    champions: dict[str, Champion] = {}
    try:
        registry = open_context().registry if dags else None
        for dag in dags:
            if registry is not None and (version := registry.find(dag.name, "champion")) is not None:
                champions[dag.name] = _champion(registry, version)
    except RegistryError as error:
        return champions, str(error)
    return champions, None


def _champion(registry: "Registry", version: ModelVersion) -> Champion:
    try:
        manifest = registry.manifest(version)
    except (ArtifactMissing, ModelVersionRefused):  # its number is still known
        return Champion(version.version, None, None)
    return Champion(version.version, manifest.metric, manifest.metrics.get(f"holdout_{manifest.metric}"))
