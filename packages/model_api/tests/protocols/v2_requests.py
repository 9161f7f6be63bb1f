"""Makes requests of the Open Inference Protocol V2, and lets a model's schema read them."""

import json
import struct
from typing import Any

import numpy as np
from mlyard_model_api.prediction import Columns
from mlyard_model_api.protocols.v2 import V2Call
from mlyard_shared.decision import Decision
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Schema

from ..versions import PENGUINS, SPECIES


def manifest(schema: Schema = PENGUINS, *, classes: tuple[Any, ...] = SPECIES, **facts: Any) -> Manifest:
    """As much of a manifest as a protocol reads."""
    known: dict[str, Any] = {
        "model": "penguins",
        "input_schema": schema,
        "classes": classes,
        "decision": Decision() if classes else None,
    }
    return Manifest.model_construct(**(known | facts))


def tensor(name: str, datatype: str, data: list[Any], shape: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    shape = [len(data)] if shape is None else shape
    return {"name": name, "datatype": datatype, "shape": shape, "data": data, **more}


def texts(values: list[str]) -> bytes:
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in values)


def in_bytes(*tensors: tuple[str, str, Any], **more: Any) -> tuple[bytes, int]:
    """A body with all tensors in bytes, and the length of its document."""
    inputs, behind = [], b""
    for name, datatype, values in tensors:
        data = texts(values) if datatype == "BYTES" else np.asarray(values).tobytes()
        shape = [len(values)] if datatype == "BYTES" else list(np.shape(values))
        parameters = {"binary_data_size": len(data)}
        inputs.append({"name": name, "datatype": datatype, "shape": shape, "parameters": parameters})
        behind += data
    document = json.dumps({"inputs": inputs, **more}).encode()
    return document + behind, len(document)


def read(document: Any, model: Manifest | None = None, *, length: int | None = None, max_rows: int = 100) -> Columns:
    """The columns of a body, or of a document."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return V2Call(length).decode(body, model or manifest(), max_rows=max_rows)
