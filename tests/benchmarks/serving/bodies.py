"""The same rows in the wire format of each peer."""

import json
from typing import Any

import numpy as np
from table import COLUMNS, table

VARIANTS = 32
"""So many different bodies are sent in turn."""


def matrices(rows: int) -> list[Any]:
    """The rows of each body."""
    matrix, _ = table(max(rows, VARIANTS) + VARIANTS)
    return [np.roll(matrix, -start, axis=0)[:rows] for start in range(VARIANTS if rows < 1000 else 4)]


def records(rows: int) -> list[bytes]:
    """Ours, as records."""
    return [_json({"rows": _records(matrix)}) for matrix in matrices(rows)]


def columns(rows: int) -> list[bytes]:
    """Ours, as columns."""
    return [_json({"columns": dict(zip(COLUMNS, matrix.T.tolist(), strict=True))}) for matrix in matrices(rows)]


def mlflow(rows: int) -> list[bytes]:
    """MLflow's scoring protocol."""
    return [_json({"dataframe_records": _records(matrix)}) for matrix in matrices(rows)]


def v2(rows: int) -> list[bytes]:
    """The Open Inference Protocol, as one matrix."""
    return [
        _json({"inputs": [{"name": "x", "shape": matrix.shape, "datatype": "FP64", "data": matrix.ravel().tolist()}]})
        for matrix in matrices(rows)
    ]


def _records(matrix: Any) -> list[dict[str, float]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in matrix.tolist()]


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
