"""Contract 1, which version 0.2.0 wrote: read as a manifest of today that asks for what 0.2.0 did, and written so.

That is: texts in place of codes, nothing rounded, the engine's own label, the first grammar, and a holdout by SHA-256.
"""

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from mlyard_shared.contract import Contract
from mlyard_shared.errors import ModelVersionRefused
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
from mlyard_shared.metrics import Task
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.snapshot import Snapshot

MetricName1 = Literal["accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "rmse", "mae", "r2"]
"""The metrics that 0.2.0 knew."""


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
    metric: MetricName1
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


def write(manifest: Manifest) -> dict[str, Any]:
    """A manifest as a document of contract 1: only what is read back as the same is written.

    Raises:
        ModelVersionRefused: contract 1 cannot say one of its keys.
    """
    document = manifest.model_dump(mode="json", include=set(Manifest1.model_fields))
    del document["holdout"]["hash_name"]
    for column in document["input_schema"]["columns"]:
        del column["rounded"]
    try:
        said = read(json.dumps(document).encode()).model_dump(mode="json")
    except ValidationError as error:
        raise _unsaid(str(error.errors(include_url=False)[0]["loc"][0])) from None
    for key, value in manifest.model_dump(mode="json").items():
        if said[key] != value:
            raise _unsaid(key)
    return document


def _unsaid(key: str) -> ModelVersionRefused:
    return ModelVersionRefused(
        f"contract 1 of a model version cannot say its {key}: write contract 2, which an API from 0.3.0 on reads"
    )
