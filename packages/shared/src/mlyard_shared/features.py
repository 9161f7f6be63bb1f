"""From a table's columns to a model's inputs: the same code where models are trained and where they are served.

A column arrives as one array of shape [n]: integer, number and boolean as float64 with NaN for null, category as
object (str, or None for null), datetime as datetime64[us] in UTC with NaT for null. A model sees numbers only, in the
form that its manifest names: dates become numbers, categories their codes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlyard_shared.columns import MISSING
from mlyard_shared.schema import Column, DatePart, InputForm, Schema

Array = NDArray[Any]
_FEW = 16


class Layout:
    """Where the columns of a schema stand: the numbers among them in one block, and its rows among a model's inputs."""

    def __init__(self, schema: Schema) -> None:
        """Lay out a schema; that takes a while, so it is kept."""
        self.schema = schema
        columns = schema.columns
        self.numbers = tuple(column for column in columns if column.type not in ("category", "datetime"))
        self.others = tuple(column for column in columns if column.type in ("category", "datetime"))
        self.rows = {column.name: row for row, column in enumerate(self.numbers)}
        positions = {name: position for position, name in enumerate(schema.input_names)}
        self.width = len(positions)
        self.inputs = np.array([positions[column.name] for column in self.numbers], dtype=np.intp)


class Table(Mapping[str, Array]):
    """A model's columns, of which the integers, numbers and booleans are one block, float64 [columns, n]."""

    __slots__ = ("block", "layout", "others")

    def __init__(self, layout: Layout, block: Array, others: Mapping[str, Array]) -> None:
        """Hold the block, whose rows are in the order of `layout.numbers`, and the categories and dates by name."""
        self.layout = layout
        self.block = block
        self.others = others

    def __getitem__(self, name: str) -> Array:
        row = self.layout.rows.get(name)
        return self.others[name] if row is None else self.block[row]

    def __iter__(self) -> Iterator[str]:
        return (column.name for column in self.layout.schema.columns)

    def __len__(self) -> int:
        return len(self.layout.schema.columns)

    @property
    def count(self) -> int:
        """The number of rows."""
        return int(self.block.shape[1])

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays take."""
        return self.block.nbytes + sum(array.nbytes for array in self.others.values())

    @classmethod
    def joined(cls, tables: "Sequence[Table]") -> "Table":
        """The rows of several tables of one layout, behind one another."""
        first = tables[0]
        block = np.concatenate([table.block for table in tables], axis=1)
        others = {name: np.concatenate([table.others[name] for table in tables]) for name in first.others}
        return cls(first.layout, block, others)


def matrix(columns: Mapping[str, Array], schema: Schema, form: InputForm) -> Array:
    """All inputs side by side, shape [n, inputs], in the order of `schema.input_names`: what a pipeline takes.

    Numbers of the form's precision; for the encoding `text` objects where there is a category, else float64.
    """
    if isinstance(columns, Table) and columns.layout.schema is schema and form.encoding == "codes":
        return _from_table(columns, np.dtype(form.precision))
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
    known, null, texts = column.codes, len(column.categories), values.tolist()
    if len(texts) < _FEW:
        return np.array([null if text is None else known.get(text, -1) for text in texts], dtype=np.float64)
    found = np.fromiter(map(known.get, texts, repeat(-1)), dtype=np.float64, count=len(texts))
    for row in np.flatnonzero(found < 0).tolist():
        if texts[row] is None:
            found[row] = null
    return found


def date_part(values: Array, part: DatePart) -> NDArray[np.float64]:
    """One part of each date of a datetime64 array, NaN for NaT."""
    missing = np.isnat(values)
    if not missing.any():
        return _PARTS[part](values.astype("datetime64[us]", copy=False)).astype(np.float64, copy=False)
    numbers = _PARTS[part](np.where(missing, np.datetime64(0, "us"), values.astype("datetime64[us]")))
    return np.where(missing, np.nan, numbers.astype(np.float64))


def _from_table(table: Table, precision: np.dtype[Any]) -> Array:
    layout, numbers = table.layout, table.block.T
    if not layout.others:
        return np.array(numbers, dtype=precision, order="C")
    result = np.empty((table.count, layout.width), dtype=precision)
    result[:, layout.inputs] = numbers
    position = 0
    for column in layout.schema.columns:
        if column.type == "category":
            result[:, position] = codes(column, table.others[column.name])
        elif column.type == "datetime":
            for part in layout.schema.parts(column.name):
                result[:, position] = date_part(table.others[column.name], part)
                position += 1
            continue
        position += 1
    return result


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
