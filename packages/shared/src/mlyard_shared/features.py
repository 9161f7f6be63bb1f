"""From a table's columns to a model's inputs: the same code where models are trained and where they are served.

A column arrives as one array of shape [n]: integer, number and boolean as float64 with NaN for null, category as
object (str, or None for null), datetime as datetime64[us] in UTC with NaT for null. A model sees numbers only, in the
form that its manifest names: dates become numbers, categories their codes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlyard_shared.columns import MISSING
from mlyard_shared.schema import Column, DatePart, InputForm, Schema

Array = NDArray[Any]


def matrix(columns: Mapping[str, Array], schema: Schema, form: InputForm) -> Array:
    """All inputs side by side, shape [n, inputs], in the order of `schema.input_names`: what a pipeline takes.

    Numbers of the form's precision; for the encoding `text` objects where there is a category, else float64.
    """
    inputs = _inputs(columns, schema, form)
    numeric = all(array.dtype != object for array in inputs.values())
    kind = np.dtype(form.precision) if numeric else np.dtype(object)
    result = np.empty((len(next(iter(inputs.values()))), len(inputs)), dtype=kind)
    for position, array in enumerate(inputs.values()):
        result[:, position] = array
    return result


def twin_inputs(columns: Mapping[str, Array], schema: Schema, form: InputForm) -> dict[str, Array]:
    """What an ONNX twin takes, by input: one matrix, or for the encoding `text` one array [n, 1] a column."""
    if form.encoding == "codes":
        return {"inputs": matrix(columns, schema, form)}
    arrays = _inputs(columns, schema, form).values()
    return {f"x{position}": array.reshape(-1, 1) for position, array in enumerate(arrays)}


def codes(column: Column, values: Array) -> NDArray[np.float64]:
    """The codes of a category's texts, shape [n]: positions, the number after the last for null, -1 for unseen ones."""
    known, null = column.codes, len(column.categories)
    positions = (null if value is None else known.get(value, -1) for value in values)
    return np.fromiter(positions, dtype=np.float64, count=len(values))


def date_part(values: Array, part: DatePart) -> NDArray[np.float64]:
    """One part of each date of a datetime64 array, NaN for NaT."""
    missing = np.isnat(values)
    numbers = _PARTS[part](np.where(missing, np.datetime64(0, "us"), values.astype("datetime64[us]")))
    return np.where(missing, np.nan, numbers.astype(np.float64))


def _inputs(columns: Mapping[str, Array], schema: Schema, form: InputForm) -> dict[str, Array]:
    result: dict[str, Array] = {}
    for column in schema.columns:
        values = columns[column.name]
        if column.type == "datetime":
            for part in schema.parts(column.name):
                result[f"{column.name}.{part}"] = date_part(values, part)
        elif column.type != "category":
            result[column.name] = np.asarray(values, dtype=np.float64)
        elif form.encoding == "codes":
            result[column.name] = codes(column, values)
        else:
            result[column.name] = np.array([MISSING if value is None else value for value in values], dtype=object)
    return result


def _since(unit: str, whole: str) -> Callable[[Array], Array]:
    """How many whole units have passed in the date's current year, month, day or hour."""
    return lambda values: (
        values.astype(f"datetime64[{unit}]") - values.astype(f"datetime64[{whole}]").astype(f"datetime64[{unit}]")
    ).astype(np.int64)


_PARTS: dict[DatePart, Callable[[Array], Array]] = {
    "year": lambda values: values.astype("datetime64[Y]").astype(np.int64) + 1970,
    "month": lambda values: _since("M", "Y")(values) + 1,
    "day": lambda values: _since("D", "M")(values) + 1,
    # 1970-01-01 was a Thursday, and Monday is 0.
    "weekday": lambda values: (values.astype("datetime64[D]").astype(np.int64) + 3) % 7,
    "hour": _since("h", "D"),
    "minute": _since("m", "h"),
    "day_of_year": lambda values: _since("D", "Y")(values) + 1,
    "days_since_epoch": lambda values: values.astype(np.int64) / 86_400_000_000,
}
