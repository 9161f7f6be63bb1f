"""The data of one tensor of the Open Inference Protocol V2, in JSON or in bytes, of its datatype and nothing else."""

import struct
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from math import prod
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array

from mlyard_model_api.errors import InputRefused, Problem
from mlyard_model_api.protocols.rows import MAX_PROBLEMS
from mlyard_model_api.protocols.v2_requests import Given, refused

NUMPY = {
    "BOOL": np.dtype("?"),
    **{
        f"{sign}INT{bits}": np.dtype(f"<{kind}{bits // 8}")
        for sign, kind in (("", "i"), ("U", "u"))
        for bits in (8, 16, 32, 64)
    },
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
"""The datatypes with elements of one size; BYTES is the other one."""
LENGTH = struct.Struct("<I")
"""Comes before the bytes of each element of a BYTES tensor."""

_JSON: dict[str, tuple[set[type], str]] = {
    "b": ({bool}, "true or false"),
    "i": ({int}, "an integer"),
    "u": ({int}, "an integer"),
    "f": ({int, float}, "a number"),
    "O": ({str}, "a text"),
}
"""By the kind of a datatype, what its elements are in JSON."""


class Data(NamedTuple):
    """The elements of a tensor, row-major, as NumPy has its datatype (texts as objects), and which of them are null."""

    values: Array
    missing: Array | None

    def before(self, end: int | None) -> "Data":
        """Those of the first rows; None for all."""
        return Data(self.values[:end], None if self.missing is None else self.missing[:end])


def read(given: Given, columns: Sequence[str]) -> Data:
    """Return the elements of a tensor, whose rows have these columns.

    Raises:
        InputRefused: they do not fill its shape, or are not of its datatype.
    """
    name = columns[0] if len(columns) == 1 else None
    if isinstance(given.data, list):
        return _from_json(_flat(given.data, given.shape, name), given.datatype, columns)
    if given.datatype == "BYTES":
        return Data(_texts(given.data, prod(given.shape), columns), None)
    kind = NUMPY[given.datatype]
    wanted = prod(given.shape) * kind.itemsize
    if len(given.data) != wanted:
        raise _unfilled(name, f"has {len(given.data)} bytes, and its shape and datatype need {wanted}")
    if kind.kind == "b" and not (np.frombuffer(given.data, dtype=np.uint8) <= 1).all():
        raise refused("wrong_type", "must have the bytes 0 and 1 alone, as it is BOOL", column=name)
    return Data(np.frombuffer(given.data, dtype=kind), None)


def _flat(data: list[Any], shape: tuple[int, ...], name: str | None) -> list[Any]:
    if len(shape) == 2 and data and type(data[0]) is list:
        if len(data) != shape[0] or not all(type(row) is list and len(row) == shape[1] for row in data):
            raise _unfilled(name, "is nested otherwise than its shape")
        return list(chain.from_iterable(data))
    if len(data) != prod(shape):
        raise _unfilled(name, f"has {len(data)} elements, and its shape {prod(shape)}")
    return data


def _from_json(values: list[Any], datatype: str, columns: Sequence[str]) -> Data:
    kind = NUMPY.get(datatype, np.dtype(object))
    allowed, wanted = _JSON[kind.kind]
    types = set(map(type, values))
    if kind.kind in "biu" and float in types:
        values = [_whole(value, kind.kind) for value in values]
        types = set(map(type, values))
    if not types <= allowed | {type(None)}:
        wrong = (place for place, value in enumerate(values) if value is not None and type(value) not in allowed)
        raise problems(wrong, columns, "wrong_type", f"must be {wanted}, as its datatype is {datatype}")
    missing = np.array([value is None for value in values]) if type(None) in types else None
    if kind.char == "O":
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return Data(texts, missing)
    if missing is not None:
        values = [0 if value is None else value for value in values]
    return Data(_numbers(values, datatype, kind, columns), missing)


def _whole(value: Any, kind: str) -> Any:
    """The value from a client that writes everything as a float, as the one made of the protocol's OpenAPI does."""
    if type(value) is not float or not value.is_integer():
        return value
    if kind == "b":
        return bool(value) if value in (0, 1) else value
    return int(value)


def _numbers(values: list[Any], datatype: str, kind: "np.dtype[Any]", columns: Sequence[str]) -> Array:
    beyond: Iterable[int]
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=kind)
        # In FP64 infinity is what the document says, which is for the column to judge.
        beyond = np.flatnonzero(np.isinf(array)).tolist() if kind.kind == "f" and datatype != "FP64" else ()
    except OverflowError:
        limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
        low, high = (float(limits.min), float(limits.max)) if kind.kind == "f" else (limits.min, limits.max)
        beyond = [place for place, value in enumerate(values) if value < low or value > high]
    if beyond:
        raise problems(beyond, columns, "out_of_range", f"is beyond what {datatype} holds")
    return array


def _texts(data: memoryview, count: int, columns: Sequence[str]) -> Array:
    """The texts of a BYTES tensor; each of its elements begins with its length."""
    name = columns[0] if len(columns) == 1 else None
    # Before anything of that size is made.
    if count * LENGTH.size > len(data):
        raise _unfilled(name, f"has {len(data)} bytes, too few for the {count} elements of its shape")
    texts = np.empty(count, dtype=object)
    start, broken = 0, []
    for place in range(count):
        end = start + LENGTH.size
        if end <= len(data):
            (length,) = LENGTH.unpack_from(data, start)
            start, end = end, end + length
        if end > len(data):
            raise _unfilled(name, f"ends within element {place}")
        try:
            texts[place] = str(data[start:end], "utf-8")
        except UnicodeDecodeError:
            broken.append(place)
        start = end
    if start != len(data):
        raise _unfilled(name, f"has {len(data) - start} bytes behind its last element")
    if broken:
        raise problems(broken, columns, "bad_text", "must be UTF-8")
    return texts


def problems(places: Iterable[int], columns: Sequence[str], code: str, message: str) -> InputRefused:
    """The error of the first of some places in the data."""
    width = len(columns)
    return InputRefused(
        [
            Problem(code=code, message=message, row=place // width, column=columns[place % width])
            for place in islice(places, MAX_PROBLEMS)
        ]
    )


def _unfilled(name: str | None, what: str) -> InputRefused:
    return refused("wrong_shape", f"its data {what}", column=name)
