"""What a model says of itself by the Open Inference Protocol V2."""

import json
from typing import Any

from mlyard_shared.columns import ColumnType
from mlyard_shared.manifest import Manifest

from mlyard_model_api.protocols.v2_inputs import MATRIX, MISSING, takes_matrix
from mlyard_model_api.protocols.v2_outputs import IDS, offered

PLATFORM = "mlyard_scikit-learn"

_DATATYPES: dict[ColumnType, str] = {
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "category": "BYTES",
    "datetime": "BYTES",
}


def model_metadata(manifest: Manifest, *, versions: list[int]) -> dict[str, Any]:
    """Return the metadata of a model, of which these versions can be asked.

    What the protocol has no fields for is in `properties`: texts, of which those that begin with [ or { are JSON.
    """
    schema = manifest.input_schema
    outputs = offered(manifest)
    properties = {"missing_values": json.dumps([column.name for column in schema.columns if column.nullable])}
    if any(column.nullable for column in schema.columns):
        properties["missing_values_as"] = (
            f"null in JSON, NaN in a tensor of floating-point numbers, or true in the BOOL tensor <input>{MISSING}"
        )
    if takes_matrix(schema):
        properties["matrix"] = json.dumps({"name": MATRIX, "datatype": "FP64", "shape": [-1, len(schema.columns)]})
    if manifest.classes:
        properties["classes"] = json.dumps(manifest.classes)
    properties["outputs_on_request"] = json.dumps([IDS])
    return {
        "name": manifest.model,
        "versions": [str(version) for version in sorted(versions)],
        "platform": PLATFORM,
        "inputs": [_tensor(column.name, _DATATYPES[column.type], None) for column in schema.columns],
        "outputs": [_tensor(name, output.datatype, output.width) for name, output in outputs.items() if name != IDS],
        "properties": properties,
    }


def _tensor(name: str, datatype: str, width: int | None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1] if width is None else [-1, width]}
