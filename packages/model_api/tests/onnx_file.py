"""Writes the ONNX twin of a small linear classifier, byte by byte: the `onnx` package is no dependency of the API.

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.schema import InputForm, Schema
from numpy.typing import NDArray

FLOAT, INT64, STRING, BOOL, DOUBLE = 1, 7, 8, 9, 11
"""Types of tensors."""
Nodes = tuple[list[bytes], list[bytes], list[str]]
"""Nodes, constants, and the names of the numbers that the linear function takes."""


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


def _attribute(name: str, value: bytes | int | float | list[str] | list[float]) -> bytes:
    if isinstance(value, bytes):
        return _field(1, name) + _field(6, value) + _field(20, 5)
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


def _tensor(name: str, values: NDArray[Any]) -> bytes:
    kind = INT64 if values.dtype == np.int64 else DOUBLE
    dims = b"".join(_field(1, size) for size in values.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, values.tobytes())


def _value(name: str, kind: int, *dims: int, batch: bool = True) -> bytes:
    rows = _field(1, _field(2, "n")) if batch else b""
    shape = rows + b"".join(_field(1, _field(1, size)) for size in dims)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def write_twin(
    file: Path, pipeline: Any, schema: Schema, form: InputForm, *, prefix: str | None = None, scale: float = 1.0
) -> None:
    """The twin of `versions.classifier`: impute, one-hot, and a softmax of a linear function.

    With another scale than 1 its probabilities are none.
    """
    categories = {column.name for column in schema.columns if column.type == "category"}
    texts = [position for position, name in enumerate(schema.input_names) if name in categories]
    count = len(schema.input_names)
    if form.encoding == "codes":
        prefix = "inputs" if prefix is None else prefix
        inputs = [_value(prefix, DOUBLE if form.precision == "float64" else FLOAT, count)]
        columns: Nodes = _columns_of_matrix(prefix, count)
        known = [[float(code) for code in codes] for codes in pipeline[0].named_transformers_["texts"].categories_]
    else:
        prefix = "x" if prefix is None else prefix
        names = [f"{prefix}{position}" for position in range(count)]
        inputs = [_value(name, STRING if p in texts else DOUBLE, 1) for p, name in enumerate(names)]
        columns = [], [], names
        known = pipeline[0].named_transformers_["texts"].categories_
    nodes, tensors, parts = _prepared(columns, texts, pipeline[0], known)
    linear = pipeline[-1]
    weights, bias = linear.coef_, linear.intercept_
    if len(linear.classes_) == 2:
        # scikit-learn keeps one function for two classes: how far the second is above the first.
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.append(np.zeros_like(bias), bias)
    tensors += [_tensor("weights", weights.T.astype(np.float64)), _tensor("bias", bias[None, :].astype(np.float64))]
    tensors.append(_tensor("scale", np.array([[scale]])))
    nodes += [
        _node("Concat", parts, "all", axis=1),
        _node("MatMul", ["all", "weights"], "product"),
        _node("Add", ["product", "bias"], "scores"),
        _node("ArgMax", ["scores"], "label", axis=1, keepdims=0),
        _node("Softmax", ["scores"], "shares", axis=1),
        _node("Mul", ["shares", "scale"], "probabilities"),
    ]
    outputs = [_value("label", INT64), _value("probabilities", DOUBLE, len(linear.classes_))]
    _write(file, _graph(nodes, tensors, inputs, outputs))


def write_loop(file: Path, turns: int) -> None:
    """A regression that answers the first column, after a loop of so many turns."""
    nodes, tensors, columns = _columns_of_matrix("inputs", 1)
    tensors += [_tensor("turns", np.array(turns, dtype=np.int64)), _tensor("zero", np.array([[0.0]]))]
    body = _graph(
        [_node("Identity", ["more"], "goes_on"), _node("Add", ["before", "zero"], "after")],
        [],
        [_value("turn", INT64, batch=False), _value("more", BOOL, batch=False), _value("before", DOUBLE, 1)],
        [_value("goes_on", BOOL, batch=False), _value("after", DOUBLE, 1)],
    )
    nodes.append(_node("Loop", ["turns", "", *columns], "variable", body=body))
    _write(file, _graph(nodes, tensors, [_value("inputs", DOUBLE, 1)], [_value("variable", DOUBLE, 1)]))


def _graph(nodes: list[bytes], tensors: list[bytes], inputs: list[bytes], outputs: list[bytes]) -> bytes:
    return (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, "twin")
        + b"".join(_field(5, tensor) for tensor in tensors)
        + b"".join(_field(11, value) for value in inputs)
        + b"".join(_field(12, value) for value in outputs)
    )


def _write(file: Path, graph: bytes) -> None:
    opsets = _field(8, _field(1, "") + _field(2, 17)) + _field(8, _field(1, "ai.onnx.ml") + _field(2, 2))
    file.write_bytes(_field(1, 8) + _field(7, graph) + opsets)


def _columns_of_matrix(name: str, count: int) -> Nodes:
    """Each column of the one input, shape [n, 1], in double."""
    nodes, tensors, columns = [_node("Cast", [name], "doubles", to=DOUBLE)], [], []
    for position in range(count):
        tensors.append(_tensor(f"at{position}", np.array([position], dtype=np.int64)))
        nodes.append(_node("Gather", ["doubles", f"at{position}"], f"column{position}", axis=1))
        columns.append(f"column{position}")
    return nodes, tensors, columns


def _prepared(columns: Nodes, texts: list[int], prepare: Any, known: list[list[Any]]) -> Nodes:
    nodes, tensors, names = columns
    parts = []
    numbers = [position for position in range(len(names)) if position not in texts]
    for position, mean in zip(numbers, prepare.named_transformers_["numbers"].statistics_, strict=True):
        tensors.append(_tensor(f"mean{position}", np.array([[mean]])))
        nodes.append(_node("IsNaN", [names[position]], f"missing{position}"))
        nodes.append(_node("Where", [f"missing{position}", f"mean{position}", names[position]], f"n{position}"))
        parts.append(f"n{position}")
    for position, categories in zip(texts, known, strict=True):
        for number, category in enumerate(categories):
            hot = f"hot{position}_{number}"
            if isinstance(category, float):
                tensors.append(_tensor(f"{hot}k", np.array([[category]])))
                nodes.append(_node("Equal", [names[position], f"{hot}k"], f"{hot}f"))
            else:
                coding = {"keys_strings": [category], "values_floats": [1.0], "default_float": 0.0}
                nodes.append(_node("LabelEncoder", [names[position]], f"{hot}f", domain="ai.onnx.ml", **coding))
            nodes.append(_node("Cast", [f"{hot}f"], hot, to=DOUBLE))
            parts.append(hot)
    return nodes, tensors, parts
