"""What the API answers, as OpenAPI shows it."""

from datetime import datetime
from typing import Literal

from mlyard_shared.contract import Contract
from mlyard_shared.decision import Decision
from mlyard_shared.engines import EngineName
from mlyard_shared.manifest.current import Budgets, Conformal, Latency
from mlyard_shared.metrics import MetricName, Task
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.snapshot import Snapshot
from pydantic import Field

from mlyard_model_api.errors import Problem
from mlyard_model_api.serving.models import Refusal, Slot
from mlyard_model_api.serving.version import ServedVersion

Alias = Literal["champion", "previous"]


class EngineChoice(Contract):
    """What runs the version, and why it was chosen."""

    name: EngineName
    reason: str


class ModelSummary(Contract):
    """A model that is served."""

    name: str
    version: int
    digest: str = Field(description="The SHA-256 of the version's manifest.")
    alias: Literal["champion"] = "champion"
    task: Task
    trained_at: datetime
    loaded_at: datetime
    engine: EngineName

    @classmethod
    def of(cls, served: ServedVersion) -> "ModelSummary":
        """Describe a version."""
        return cls(
            name=served.reference.name,
            version=served.reference.version,
            digest=served.reference.digest,
            task=served.manifest.task,
            trained_at=served.manifest.trained_at,
            loaded_at=served.loaded_at,
            engine=served.engine.name,
        )


class ModelList(Contract):
    """The models that are served, by name."""

    models: tuple[ModelSummary, ...]


class ModelDetails(Contract):
    """A model that is served: what it takes, where it comes from, what runs it."""

    name: str
    version: int
    digest: str = Field(description="The SHA-256 of the version's manifest.")
    alias: Literal["champion"] = "champion"
    contract: Literal[1, 2] = Field(description="The contract that the version was registered by.")
    task: Task
    target: str
    classes: tuple[bool | int | str, ...] = Field(description="The classes; none for a regression.")
    input_schema: Schema = Field(serialization_alias="schema", description="The columns of a request, and its dates.")
    inputs: InputForm = Field(description="The form in which the engine sees the columns.")
    decision: Decision | None = Field(
        description="How probabilities become the prediction; null where the engine's own label is the prediction."
    )
    latency: tuple[Latency, ...] = Field(description="What the engines took where it was trained.")
    budgets: Budgets | None = Field(description="What the version may take.")
    conformal: Conformal | None = Field(description="The quantiles of its intervals or sets.")
    candidate: str
    estimator: str
    metric: MetricName = Field(description="The metric that the model was chosen by.")
    metrics: dict[str, float]
    trained_at: datetime
    snapshot: Snapshot = Field(description="The data that it was trained on.")
    loaded_at: datetime
    engine: EngineChoice
    refused: Refusal | None = Field(description="The last version that was to serve and may not.")

    @classmethod
    def of(cls, served: ServedVersion, slot: Slot) -> "ModelDetails":
        """Describe a version in its place."""
        manifest = served.manifest
        return cls(
            name=served.reference.name,
            version=served.reference.version,
            digest=served.reference.digest,
            contract=manifest.contract,
            task=manifest.task,
            target=manifest.target,
            classes=manifest.classes,
            input_schema=manifest.input_schema,
            inputs=manifest.inputs,
            decision=manifest.decision,
            latency=manifest.latency,
            budgets=manifest.budgets,
            conformal=manifest.conformal,
            candidate=manifest.candidate,
            estimator=manifest.estimator,
            metric=manifest.metric,
            metrics=manifest.metrics,
            trained_at=manifest.trained_at,
            snapshot=manifest.snapshot,
            loaded_at=served.loaded_at,
            engine=EngineChoice(name=served.engine.name, reason=served.engine.reason),
            refused=slot.refused,
        )


class LoadedVersion(Contract):
    """A version in memory."""

    version: int
    digest: str
    aliases: tuple[Alias, ...] = Field(description="`champion` serves, `previous` served before it.")
    contract: Literal[1, 2]
    engine: EngineChoice
    decision: Decision | None
    latency: tuple[Latency, ...]
    metrics: dict[str, float]
    trained_at: datetime
    loaded_at: datetime

    @classmethod
    def of(cls, loaded: ServedVersion, *aliases: Alias) -> "LoadedVersion":
        """Describe a version."""
        manifest = loaded.manifest
        return cls(
            version=loaded.reference.version,
            digest=loaded.reference.digest,
            aliases=aliases,
            contract=manifest.contract,
            engine=EngineChoice(name=loaded.engine.name, reason=loaded.engine.reason),
            decision=manifest.decision,
            latency=manifest.latency,
            metrics=manifest.metrics,
            trained_at=manifest.trained_at,
            loaded_at=loaded.loaded_at,
        )


class ModelVersions(Contract):
    """The versions of a model that are loaded, and the last one that was to serve and may not."""

    model: str
    versions: tuple[LoadedVersion, ...]
    refused: tuple[Refusal, ...]

    @classmethod
    def of(cls, name: str, slot: Slot) -> "ModelVersions":
        """Describe a model's place."""
        places: tuple[tuple[ServedVersion | None, Alias], ...] = (
            (slot.current, "champion"),
            (slot.previous, "previous"),
        )
        versions = tuple(LoadedVersion.of(loaded, alias) for loaded, alias in places if loaded is not None)
        return cls(model=name, versions=versions, refused=(slot.refused,) if slot.refused is not None else ())


class ErrorFacts(Problem):
    """What is wrong; `problems` holds the first 20 of several, this one included."""

    problems: tuple[Problem, ...] = ()


class ErrorAnswer(Contract):
    """Every answer but a success: a problem as RFC 9457 has it, and `error` with the places in the data."""

    type: str = Field(description="A URN that ends with the code.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="A URN that ends with the request's id.")
    error: ErrorFacts


class Health(Contract):
    """Whether the process lives, or is ready for requests; the reasons why it is not ready."""

    status: Literal["live", "ready", "not ready"]
    reasons: tuple[str, ...] = ()
