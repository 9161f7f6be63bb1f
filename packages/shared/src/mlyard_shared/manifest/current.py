"""Contract 2 of a model version: everything that a reader needs to run it, to trust its files and to tell of it.

A field with a default is written by a pipeline that has learned to make it, and is read by every reader of this
contract. A reader refuses what it does not know: an unknown key, and a feature declaration of any kind.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.decision import TOLERANCE, Decision
from mlyard_shared.metrics import MetricName, Task
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.snapshot import Snapshot

CONTRACT_VERSION: Literal[2] = 2
"""Raised with every change of a field. Readers take this one and the one before."""

MANIFEST_FILE = "mlyard.json"
MODEL_FILE = "model.skops"
ONNX_FILE = "model.onnx"
BACKGROUND_FILE: Literal["background.npy"] = "background.npy"
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, Field(gt=0, lt=1)]


class OnnxParity(Contract):
    """How far the ONNX twin's answers are from scikit-learn's, over the holdout and beside every threshold.

    `max_difference` is absolute for probabilities, and in standard deviations of the target for a regression. A label
    is a mismatch where it differs and the probabilities are more than twice the tolerance away from those at which the
    decision would change.
    """

    rows: int
    label_mismatches: int
    max_difference: float
    tolerance: float = TOLERANCE

    @property
    def holds(self) -> bool:
        """Whether the twin may answer in scikit-learn's place."""
        return self.rows > 0 and self.label_mismatches == 0 and self.max_difference <= self.tolerance


class EngineFile(Contract):
    """A file that holds the model, or a part of it.

    `skops` is scikit-learn's pipeline, or for a booster its preprocessing alone (`whole` is false); `onnx` is the whole
    model; `lightgbm` and `xgboost` are a booster's own files, which are kept and never opened by the API.
    """

    kind: Literal["skops", "onnx", "lightgbm", "xgboost"]
    file: str
    whole: bool = True


class FeatureReference(Contract):
    """How a column was distributed in training, to measure drift against.

    Numbers and dates: `counts[i]` rows lie in [edges[i], edges[i+1]) and the last bin includes its right edge
    (a date as days since 1970-01-01). Categories: `counts[i]` rows are `categories[i]`.
    """

    column: str
    rows: int
    missing: int
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


class HoldoutRule(Contract):
    """The rows that no version trains on.

    `hash`: the rows whose hash of `columns` lies below `fraction` of all hashes. `time`: the rows whose `columns[0]` is
    at or after `boundary`. `hash_name` is `siphash24` over canonical keys (`mlyard_shared.columns.canonical`), or
    `sha256` over texts as version 0.2.0 made them.
    """

    by: Literal["hash", "time"]
    columns: tuple[str, ...]
    fraction: float
    boundary: datetime | None = None
    hash_name: Literal["siphash24", "sha256"] = "siphash24"


class Latency(Contract):
    """What an engine took on the machine that trained: the median of the measurements, in milliseconds a call."""

    engine: Literal["skops", "onnx"]
    rows: int
    milliseconds: float


class Budgets(Contract):
    """What a version may take: milliseconds for one row, and bytes on disk of the engine that serves."""

    latency_ms: Annotated[float, Field(gt=0)] | None = None
    size_bytes: Annotated[int, Field(gt=0)] | None = None


class Quantile(Contract):
    """The conformal quantile of a level: 0.9 covers nine of ten."""

    level: Share
    value: float


class Conformal(Contract):
    """Split-conformal quantiles of out-of-fold scores, for `rows` rows.

    `absolute_residual`: the interval of a regression is the prediction ± value. `one_minus_probability`: the set of a
    classification holds each class whose probability is at least 1 - value. Source: Angelopoulos and Bates, A Gentle
    Introduction to Conformal Prediction (2021).
    """

    score: Literal["absolute_residual", "one_minus_probability"]
    rows: int
    quantiles: Annotated[tuple[Quantile, ...], Field(min_length=1)]


class TargetTransform(Contract):
    """What the estimator was fitted on instead of the target; its answers are in the target's own units."""

    kind: Literal["log", "log1p", "sqrt", "yeo_johnson", "box_cox"]
    power: float | None = None


class Background(Contract):
    """A sample of the training rows to explain predictions against: `background.npy`, float64 [rows, inputs].

    Its columns are the model's inputs in the encoding `codes`, in the order of the schema's `input_names`.
    """

    file: Literal["background.npy"] = BACKGROUND_FILE
    rows: Annotated[int, Field(ge=1)]


class CandidateScore(Contract):
    """A candidate of the training: its mean score over the folds in the metric's own sign."""

    name: str
    estimator: str
    score: float
    deviation: float


class Card(Contract):
    """The facts of a model card that stand nowhere else in the manifest.

    `period` is of the rows' event times. `limits` are sentences on what the model should not be used for.
    """

    rows_trained: int | None = None
    rows_held_out: int | None = None
    period: tuple[datetime, datetime] | None = None
    candidates: tuple[CandidateScore, ...] = ()
    champion_before: int | None = None
    gate: str | None = None
    limits: tuple[str, ...] = ()


class Manifest(Contract):
    """A version: contract 2, or one of contract 1 as `contract1` reads it.

    `grammar` is the version of `mlyard_shared.columns` that its cells were read by, `decision` how probabilities become
    a label (None: the label is the engine's own). `segments` are columns whose values are reported on apart.
    `declarations` are features that a reader would have to compute (lags, windows): none are known yet.
    """

    contract: Literal[1, 2] = CONTRACT_VERSION
    grammar: Literal[1, 2] = 2
    model: str
    task: Task
    target: str
    classes: tuple[bool | int | str, ...] = ()
    input_schema: Schema
    inputs: InputForm
    engines: Annotated[tuple[EngineFile, ...], Field(min_length=1)]
    decision: Decision | None = None
    target_transform: TargetTransform | None = None
    reference: tuple[FeatureReference, ...]
    output_reference: FeatureReference | None = None
    score_references: tuple[FeatureReference, ...] = ()
    candidate: str
    estimator: str
    metric: MetricName
    metrics: dict[str, float]
    holdout: HoldoutRule
    snapshot: Snapshot
    run_id: str
    trained_at: datetime
    packages: dict[str, str]
    onnx: OnnxParity | None = None
    onnx_refused: str | None = None
    latency: tuple[Latency, ...] = ()
    budgets: Budgets | None = None
    conformal: Conformal | None = None
    background: Background | None = None
    segments: tuple[str, ...] = ()
    declarations: tuple[dict[str, Any], ...] = ()
    card: Card | None = None
    files: dict[str, Digest]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.declarations:
            raise ValueError(f"it declares features of the kind {self.declarations[0].get('kind')!r}, which is unknown")
        if self.decision is not None and self.task != "classification":
            raise ValueError("a decision is for classes, and this is a regression")
        if self.decision is not None and self.decision.kind == "threshold" and len(self.classes) != 2:
            raise ValueError(f"a threshold decides between two classes, and there are {len(self.classes)}")
        if self.decision is not None and self.decision.costs and len(self.decision.costs) != len(self.classes):
            raise ValueError("costs must have a row and a column for each class")
        named = [engine.file for engine in self.engines] + ([self.background.file] if self.background else [])
        if absent := next((name for name in named if name not in self.files), None):
            raise ValueError(f"{absent} is named and not among the files")
        return self


def read(content: bytes) -> Manifest:
    """Read a manifest of this contract.

    Raises:
        pydantic.ValidationError: it breaks the contract.
    """
    return Manifest.model_validate_json(content, strict=True)
