"""Contract 1, which version 0.2.0 wrote: read as a manifest of today that asks for what 0.2.0 did.

That is: texts in place of codes, nothing rounded, the engine's own label, the first grammar, and a holdout by SHA-256.
"""

from datetime import datetime
from typing import Any, Literal

from mlyard_shared.contract import Contract
from mlyard_shared.manifest.current import (
    MODEL_FILE,
    ONNX_FILE,
    Digest,
    EngineFile,
    FeatureReference,
    HoldoutRule,
    Manifest,
    OnnxParity,
)
from mlyard_shared.metrics import MetricName, Task
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.snapshot import Snapshot


class HoldoutRule1(Contract):
    """The rows that no version trained on, as contract 1 spelled it."""

    by: Literal["hash", "time"]
    columns: tuple[str, ...]
    fraction: float
    boundary: datetime | None = None


class Manifest1(Contract):
    """A manifest of contract 1."""

    contract: Literal[1] = 1
    model: str
    task: Task
    target: str
    classes: tuple[bool | int | str, ...] = ()
    input_schema: Schema
    reference: tuple[FeatureReference, ...]
    candidate: str
    estimator: str
    metric: MetricName
    metrics: dict[str, float]
    holdout: HoldoutRule1
    snapshot: Snapshot
    run_id: str
    trained_at: datetime
    packages: dict[str, str]
    onnx: OnnxParity | None = None
    onnx_refused: str | None = None
    files: dict[str, Digest]


def read(content: bytes) -> Manifest:
    """Read a manifest of contract 1.

    Raises:
        pydantic.ValidationError: it breaks the contract.
    """
    old = Manifest1.model_validate_json(content, strict=True)
    facts: dict[str, Any] = {name: getattr(old, name) for name in Manifest1.model_fields if name != "holdout"}
    twin = (EngineFile(kind="onnx", file=ONNX_FILE),) if ONNX_FILE in old.files else ()
    return Manifest(
        **facts,
        grammar=1,
        inputs=InputForm(encoding="text", precision="float64"),
        engines=(EngineFile(kind="skops", file=MODEL_FILE), *twin),
        holdout=HoldoutRule(**old.holdout.model_dump(), hash_name="sha256"),
    )
