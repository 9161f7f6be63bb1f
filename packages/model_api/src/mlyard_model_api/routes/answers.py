"""What the API answers, as OpenAPI shows it."""

from datetime import datetime
from typing import Literal

from mlyard_shared.contract import Contract
from mlyard_shared.decision import Decision
from mlyard_shared.metrics import MetricName, Task
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.snapshot import Snapshot
from pydantic import Field

from mlyard_model_api.errors import Problem
from mlyard_model_api.serving.engines import EngineName
from mlyard_model_api.serving.models import Refusal, Slot
from mlyard_model_api.serving.version import ServedVersion


class EngineChoice(Contract):
    """What runs the version, and why it was chosen."""

    name: EngineName
    reason: str


class ModelSummary(Contract):
    """A model that is served."""

    name: str
    version: int
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
    alias: Literal["champion"] = "champion"
    task: Task
    target: str
    classes: tuple[bool | int | str, ...] = Field(description="The classes; none for a regression.")
    input_schema: Schema = Field(serialization_alias="schema", description="The columns of a request, and its dates.")
    inputs: InputForm = Field(description="The form in which the engine sees the columns.")
    decision: Decision | None = Field(
        description="How probabilities become the prediction; null where the engine's own label is the prediction."
    )
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
            task=manifest.task,
            target=manifest.target,
            classes=manifest.classes,
            input_schema=manifest.input_schema,
            inputs=manifest.inputs,
            decision=manifest.decision,
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


class Prediction(Contract):
    """The answer for one row."""

    id: str = Field(description="A UUIDv7 of this prediction.", json_schema_extra={"format": "uuid"})
    prediction: bool | int | float | str = Field(description="A class, or a number for a regression.")
    probabilities: dict[str, float] | None = Field(
        description="The probability of each class; null for a regression and for classifiers that have none."
    )


class PredictionAnswer(Contract):
    """The answers for all rows, in their order, by one version of the model."""

    model: str
    version: int
    predictions: tuple[Prediction, ...]


class ErrorFacts(Problem):
    """What is wrong; `problems` holds the first 20 of several, this one included."""

    problems: tuple[Problem, ...] = ()


class ErrorAnswer(Contract):
    """Every answer but a success."""

    error: ErrorFacts


class Health(Contract):
    """Whether the process lives, or is ready for requests; the reasons why it is not ready."""

    status: Literal["live", "ready", "not ready"]
    reasons: tuple[str, ...] = ()
