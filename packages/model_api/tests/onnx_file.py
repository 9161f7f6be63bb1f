"""Writes the ONNX twin of a small linear classifier, byte by byte: the `onnx` package is no dependency of the API.

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.features import input_names
from mlyard_shared.schema import Schema
from numpy.typing import NDArray

FLOAT, INT64, STRING, DOUBLE = 1, 7, 8, 11


def _varint(number: int) -> bytes:
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*result, number])


def _field(number: int, value: bytes | str | int | float) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _attribute(name: str, value: int | float | list[str] | list[float]) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, 2)
    if isinstance(value, float):
        return _field(1, name) + _field(2, value) + _field(20, 1)
    if isinstance(value[0], str):
        return _field(1, name) + b"".join(_field(9, item) for item in value) + _field(20, 8)
    return _field(1, name) + b"".join(_field(7, float(item)) for item in value) + _field(20, 6)


def _node(op: str, inputs: Iterable[str], output: str, *, domain: str = "", **attributes: Any) -> bytes:
    return (
        b"".join(_field(1, name) for name in inputs)
        + _field(2, output)
        + _field(4, op)
        + b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())
        + _field(7, domain)
    )


def _tensor(name: str, values: NDArray[np.float64]) -> bytes:
    dims = b"".join(_field(1, size) for size in values.shape)
    return dims + _field(2, DOUBLE) + _field(8, name) + _field(9, values.astype("<f8").tobytes())


def _value(name: str, kind: int, *dims: int) -> bytes:
    shape = _field(1, _field(2, "n")) + b"".join(_field(1, _field(1, size)) for size in dims)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def write_twin(file: Path, pipeline: Any, schema: Schema, *, texts: list[int], prefix: str = "x") -> None:
    """The twin of `versions.classifier`: impute, one-hot, and a softmax of a linear function."""
    numbers = [position for position in range(len(input_names(schema))) if position not in texts]
    columns, linear = pipeline[0], pipeline[-1]
    nodes, tensors, parts = [], [], []
    for position, mean in zip(numbers, columns.named_transformers_["numbers"].statistics_, strict=True):
        tensors.append(_tensor(f"mean{position}", np.array([[mean]])))
        nodes.append(_node("IsNaN", [f"{prefix}{position}"], f"missing{position}"))
        nodes.append(_node("Where", [f"missing{position}", f"mean{position}", f"{prefix}{position}"], f"n{position}"))
        parts.append(f"n{position}")
    for position, categories in zip(texts, columns.named_transformers_["texts"].categories_, strict=True):
        for number, category in enumerate(categories):
            hot = f"hot{position}_{number}"
            coding = {"keys_strings": [category], "values_floats": [1.0], "default_float": 0.0}
            nodes.append(_node("LabelEncoder", [f"{prefix}{position}"], f"{hot}f", domain="ai.onnx.ml", **coding))
            nodes.append(_node("Cast", [f"{hot}f"], hot, to=DOUBLE))
            parts.append(hot)
    tensors += [_tensor("weights", linear.coef_.T.copy()), _tensor("bias", linear.intercept_[None, :])]
    nodes += [
        _node("Concat", parts, "all", axis=1),
        _node("MatMul", ["all", "weights"], "product"),
        _node("Add", ["product", "bias"], "scores"),
        _node("ArgMax", ["scores"], "label", axis=1, keepdims=0),
        _node("Softmax", ["scores"], "probabilities", axis=1),
    ]
    inputs = [_value(f"{prefix}{p}", STRING if p in texts else DOUBLE, 1) for p in range(len(numbers) + len(texts))]
    outputs = [_value("label", INT64), _value("probabilities", DOUBLE, len(linear.classes_))]
    graph = (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, "twin")
        + b"".join(_field(5, tensor) for tensor in tensors)
        + b"".join(_field(11, value) for value in inputs)
        + b"".join(_field(12, value) for value in outputs)
    )
    opsets = _field(8, _field(1, "") + _field(2, 17)) + _field(8, _field(1, "ai.onnx.ml") + _field(2, 2))
    file.write_bytes(_field(1, 8) + _field(7, graph) + opsets)
