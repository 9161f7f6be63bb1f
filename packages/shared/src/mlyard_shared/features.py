"""From a table's columns to a model's inputs: the same code where models are trained and where they are served.

A column arrives as one array of shape [n]: integer, number and boolean as float64 with NaN for null, category as
object (str, or None for null), datetime as datetime64[us] in UTC with NaT for null. A model sees float64 and str only:
dates become numbers, and a null category becomes `MISSING`, since the engines spell a null text differently.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlyard_shared.schema import DatePart, Schema

MISSING = "<missing>"
Array = NDArray[Any]


def input_names(schema: Schema) -> tuple[str, ...]:
    """The names of a model's inputs, in order: a date `d` is replaced by `d.year`, `d.month`, ..."""
    return schema.input_names


def inputs(columns: Mapping[str, Array], schema: Schema) -> dict[str, Array]:
    """Each input of shape [n], float64 or object (str), in the order of `input_names`."""
    result: dict[str, Array] = {}
    for column in schema.columns:
        values = columns[column.name]
        if column.type == "datetime":
            for part in schema.parts(column.name):
                result[f"{column.name}.{part}"] = date_part(values, part)
        elif column.type == "category":
            result[column.name] = np.array([MISSING if value is None else value for value in values], dtype=object)
        else:
            result[column.name] = np.asarray(values, dtype=np.float64)
    return result


def matrix(inputs: Mapping[str, Array]) -> Array:
    """All inputs side by side, shape [n, inputs]: float64 where all are numbers, else object."""
    arrays = list(inputs.values())
    numeric = all(array.dtype == np.float64 for array in arrays)
    result = np.empty((len(arrays[0]), len(arrays)), dtype=np.float64 if numeric else object)
    for position, array in enumerate(arrays):
        result[:, position] = array
    return result


def date_part(values: Array, part: DatePart) -> NDArray[np.float64]:
    """One part of each date of a datetime64 array, NaN for NaT."""
    missing = np.isnat(values)
    numbers = _PARTS[part](np.where(missing, np.datetime64(0, "us"), values.astype("datetime64[us]")))
    return np.where(missing, np.nan, numbers.astype(np.float64))


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
