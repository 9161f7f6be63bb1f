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


def v2_binary(rows: int) -> tuple[int, list[bytes]]:
    """The same in bytes, with an answer in bytes; and the length of the JSON before them."""
    made = []
    for matrix in matrices(rows):
        tensor = {"name": "inputs", "shape": matrix.shape, "datatype": "FP64"}
        tensor["parameters"] = {"binary_data_size": matrix.nbytes}
        head = _json({"inputs": [tensor], "parameters": {"binary_data_output": True}})
        made.append(head + matrix.astype("<f8").tobytes())
    return len(head), made


def arrow(rows: int) -> list[bytes]:
    """Arrow's stream format."""
    import pyarrow as pa

    made = []
    for matrix in matrices(rows):
        table = pa.table(dict(zip(COLUMNS, matrix.T.copy(), strict=True)))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        made.append(sink.getvalue().to_pybytes())
    return made


def parquet(rows: int) -> list[bytes]:
    """Parquet, as PyArrow writes it by default."""
    import pyarrow as pa
    from pyarrow import parquet

    made = []
    for matrix in matrices(rows):
        sink = pa.BufferOutputStream()
        parquet.write_table(pa.table(dict(zip(COLUMNS, matrix.T.copy(), strict=True))), sink)
        made.append(sink.getvalue().to_pybytes())
    return made


def _records(matrix: Any) -> list[dict[str, float]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in matrix.tolist()]


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
