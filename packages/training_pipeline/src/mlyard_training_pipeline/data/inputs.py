"""The table of a training as MLflow's pages show one: name, digest, rows and columns, and where it is stored."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlyard_shared.snapshot import Snapshot
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.data.snapshots import SNAPSHOT_FILE

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_TYPES = {"category": "string", "number": "double", "integer": "long", "boolean": "boolean", "datetime": "datetime"}


def of(spec: ModelSpec, snapshot: Snapshot, dataset: Dataset) -> "DatasetInput":
    """The input of a run, which MLflow keeps once for each name and digest.

    The digest begins as the snapshot's SHA-256, and ends with that of the columns: another spec may read the same table
    in another way.
    """
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    columns = json.dumps({"mlflow_colspec": _columns(spec, dataset)}, ensure_ascii=False)
    read = hashlib.sha256(columns.encode()).hexdigest()
    held_out = int(dataset.held_out.sum())
    profile = {
        "num_rows": snapshot.rows,
        "num_elements": snapshot.rows * len(dataset.names),
        "rows_held_out": held_out,
        "target": spec.target,
    }
    table = Entity(
        name=_name(spec),
        digest=f"{snapshot.sha256[:12]}-{read[:4]}",
        source_type="mlflow_artifact",
        source=json.dumps({"uri": f"runs:/{snapshot.run_id}/{SNAPSHOT_FILE}"}),
        schema=columns,
        profile=json.dumps(profile, ensure_ascii=False),
    )
    return DatasetInput(table, [InputTag("mlflow.data.context", "training")])


def _columns(spec: ModelSpec, dataset: Dataset) -> list[dict[str, object]]:
    """The columns that the model sees and its target, as MLflow's schemas are written."""
    found: list[dict[str, object]] = [
        {"name": column.name, "type": _TYPES[column.type], "required": not column.nullable}
        for column in dataset.schema.columns
    ]
    kinds = {bool: "boolean", int: "long", str: "string"}
    kind = kinds[type(dataset.classes[0])] if dataset.classes else "double"
    return [*found, {"name": spec.target, "type": kind, "required": True}]


def _name(spec: ModelSpec) -> str:
    source = spec.source
    return Path(source.path).name if source.path is not None else f"query over {source.connection}"
