"""Requests of the Open Inference Protocol V2: right ones, nearly right ones, and what random changes make of them."""

import json
import struct
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
from fuzzing import documents
from mlyard_shared.schema import Column

NUMPY = {"FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "INT64": "<i8", "INT32": "<i4", "UINT8": "u1", "UINT64": "<u8"}
DATATYPES = (*NUMPY, "BOOL", "BYTES", "BF16", "fp64")
RIGHT = {
    "integer": ("INT64", "INT64", "INT32", "UINT8", "UINT64"),
    "number": ("FP64", "FP64", "FP32", "FP16", "INT32", "INT64", "UINT64"),
    "boolean": ("BOOL",),
    "category": ("BYTES",),
    "datetime": ("BYTES",),
}
ODD: list[Any] = [
    *(None, True, "x", 1.5, 1.0, -1, 0, 300, 2**53, 2**63, 2**64, 10**400, 1e39, 1e300),
    *(float("nan"), float("inf"), [], {}, [1], documents.SECRET, "\ud800", "\0", "2026-13-01"),
]  # fmt: skip
EXTREMES: list[Any] = [
    *(float("nan"), float("inf"), float("-inf"), 3.5e38, 3.4028234663852886e38, 1.5, 0.1, 2.0**53, 2.0**53 - 1),
    *(2**53, 2**53 - 1, -(2**53), -(2**53) - 1, 2**63 - 1, -(2**63), 2**64 - 1, 255, 256, -1),
]  # fmt: skip
"""What tensors of numbers hold in bytes, too."""
SHAPES: list[Any] = [[], [0], [-1], [2**31], [2**60], [2**64], [1, 1, 1], [True], [1.0], None, "x", [2**40, 2**40], {}]
TOKENS = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\0", b"\xff", b"NaN", b"1e999", b"null", b"true"),
    *(b'"data":', b'"shape":', b'"name":', b'"binary_data_size":', b"[" * 120, b"\xff\xff\xff\xff", b"\x05\0\0\0"),
]  # fmt: skip


def body(draw: Random, columns: Sequence[Column]) -> tuple[bytes, int | None]:
    """A body, and the length of its document where a header tells it: about a third of them are right."""
    wrong = draw.choice((0, 0, 0, 0.05, 0.3))
    count = draw.choice((1, 1, 2, 3, documents.MAX_ROWS) if draw.random() > wrong else (0, documents.MAX_ROWS + 1))
    behind: list[bytes] = []
    if draw.random() < 0.3:
        inputs = [_matrix(draw, columns, count, wrong, behind)]
    else:
        inputs = [_input(draw, column, count, wrong, behind) for column in columns]
        if draw.random() < 0.2:
            draw.shuffle(inputs)
            behind.clear()  # in another order than that of the inputs
    if draw.random() < 0.2:
        name = f"{draw.choice(columns).name}.missing"
        inputs.append({"name": name, "shape": [count], "datatype": "BOOL", "data": _flags(draw, count)})
    if draw.random() < wrong and inputs:
        _spoil(draw, inputs)
    request: dict[str, Any] = {"inputs": inputs}
    if draw.random() < 0.2:
        request["id"] = draw.choice(["42", "", 1, None, "\ud800", documents.SECRET] if wrong else ["42"])
    if draw.random() < 0.2:
        outputs = [{"name": draw.choice(["prediction", "ids", "x"] if wrong else ["prediction"])}]
        request["outputs"] = draw.choice([[], None, {}, outputs * 2] if wrong else [outputs])
    if draw.random() < 0.2:
        right = {"binary_data_output": True}
        request["parameters"] = draw.choice([{"a": 1}, {"binary_data_output": 1}, [], right] if wrong else [right])
    document = bytearray(json.dumps(request, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass"))
    return _sent(draw, document, bytearray(b"".join(behind)))


def _sent(draw: Random, document: bytearray, behind: bytearray) -> tuple[bytes, int | None]:
    if draw.random() < 0.2:
        for _ in range(draw.choice((1, 1, 2, 5))):
            documents.change(draw, document, TOKENS)
    if behind and draw.random() < 0.1:
        documents.change(draw, behind, TOKENS)
    length: int | None = len(document)
    if not behind and draw.random() < 0.9:
        length = None
    elif draw.random() < 0.03:
        length = draw.choice((0, 1, len(document) - 1, len(document) + 1, 10**9))
    return bytes(document + behind), length


def _input(draw: Random, column: Column, count: int, wrong: float, behind: list[bytes]) -> dict[str, Any]:
    datatype = draw.choice(RIGHT[column.type] if draw.random() >= wrong / 3 else DATATYPES)
    values = [_value(draw, column, datatype) for _ in range(count)]
    shape = draw.choice(([count], [count], [count, 1]))
    return _tensor(draw, column.name, datatype, shape, values, wrong, behind, nullable=column.nullable)


def _matrix(draw: Random, columns: Sequence[Column], count: int, wrong: float, behind: list[bytes]) -> dict[str, Any]:
    cells = [_value(draw, column, "FP64") for _ in range(count) for column in columns]
    values = [value if isinstance(value, (int, float)) else 1.0 for value in cells]
    datatype = draw.choice(("FP64", "FP64", "FP32", "INT32"))
    if datatype == "INT32":
        values = [int(value) % 1000 for value in values]
    shape = [count, len(columns)]
    return _tensor(draw, "inputs", datatype, shape, values, wrong, behind, nullable=any(c.nullable for c in columns))


def _tensor(
    draw: Random,
    name: str,
    datatype: str,
    shape: Any,
    values: list[Any],
    wrong: float,
    behind: list[bytes],
    *,
    nullable: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    if values and datatype in NUMPY and draw.random() < max(wrong, 0.05):
        values[draw.randrange(len(values))] = draw.choice(EXTREMES)
    data = _in_bytes(values, datatype) if draw.random() < 0.5 else None
    if data is not None:
        found["parameters"] = {"binary_data_size": len(data)}
        behind.append(data)
        return found
    if nullable and draw.random() < 0.3 and values:
        values[draw.randrange(len(values))] = None
    if values and draw.random() < wrong:
        values[draw.randrange(len(values))] = draw.choice(ODD)
    if len(shape) == 2 and draw.random() < 0.7:
        width = shape[1]
        found["data"] = [values[start : start + width] for start in range(0, len(values), width)]
    else:
        found["data"] = values
    return found


def _value(draw: Random, column: Column, datatype: str) -> Any:
    if column.type in ("category", "datetime"):
        return json.loads(draw.choice(documents.RIGHT[column.type]))
    if datatype == "BOOL":
        return draw.random() < 0.5
    if datatype == "UINT8":
        return draw.randrange(256)
    if datatype[:2] != "FP" or column.type == "integer":
        return draw.choice((0, 1, 7, 2**31 - 1, draw.randrange(2**31), 2**53 - 1 if datatype[-2:] == "64" else 3))
    return draw.choice(
        (0.5, -0.0, 1.25, float(draw.randrange(100)), draw.uniform(-1, 1), 1e30 if datatype == "FP64" else 2)
    )


def _in_bytes(values: list[Any], datatype: str) -> bytes | None:
    """The values in bytes, or None where they have none."""
    try:
        if datatype == "BYTES":
            texts = [text.encode("utf-8") for text in values]
            return b"".join(struct.pack("<I", len(text)) + text for text in texts)
        with np.errstate(all="ignore"):
            return np.array(values, dtype="?" if datatype == "BOOL" else NUMPY[datatype]).tobytes()
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return None


def _flags(draw: Random, count: int) -> list[bool]:
    return [draw.random() < 0.2 for _ in range(count)]


def _spoil(draw: Random, inputs: list[dict[str, Any]]) -> None:
    """Change one thing of one input, or leave one out, or give one twice."""
    one = draw.choice(inputs)
    kind = draw.randrange(6)
    if kind == 0:
        inputs.remove(one)
    elif kind == 1:
        inputs.append(one)
    elif kind == 2:
        one["shape"] = draw.choice(SHAPES)
    elif kind == 3:
        one[draw.choice(("name", "datatype", "data", "parameters", "x"))] = draw.choice(ODD)
    elif kind == 4:
        one["parameters"] = draw.choice([{"binary_data_size": draw.choice((0, -1, 8, 2**60, True, "8"))}, {"a": 1}])
    else:
        one.pop(draw.choice(list(one)), None)
