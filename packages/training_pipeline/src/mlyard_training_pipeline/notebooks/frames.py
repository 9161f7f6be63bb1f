"""Rows of a Dataset as a DataFrame in a notebook has them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from mlyard_shared.columns import canonical
from mlyard_shared.features import Array
from mlyard_shared.schema import Column

from mlyard_training_pipeline.data.dataset import Dataset

Names = dict[str, dict[str, Any]]
"""By column, what a category's text is in the notebook: where codes were read as numbers, a number."""


def names_of(columns: Iterable[Column], known: Callable[[str], Iterable[Any]]) -> Names:
    """What categories are in the notebook.

    Args:
        columns: of the schema.
        known: gives the values that the pipeline knows of a column.
    """
    found: Names = {}
    for column in columns:
        if column.type == "category":
            texts = {spelled(value): value for value in known(column.name)}
            found[column.name] = {text: texts.get(text, text) for text in column.categories}
    return found


def spelled(value: Any) -> str | None:
    """The canonical text of a value that a pipeline knows."""
    return value if isinstance(value, str) else canonical.typed_text(plain(value))


def plain(value: Any) -> Any:
    """A value of Python's own types."""
    return value.item() if isinstance(value, np.generic) else value


def frame(dataset: Dataset, rows: Array, names: Names) -> Any:
    """The features of some rows, by a boolean array."""
    from pandas import DataFrame

    columns = {column.name: column for column in dataset.schema.columns}
    found = dataset.columns(rows)
    return DataFrame({name: _series(columns[name], found[name], names) for name in columns})


def _series(column: Column, values: Array, names: Names) -> Any:
    if column.type == "category":
        known = names[column.name]
        return objects(np.nan if text is None else known.get(text, text) for text in values)
    if column.type == "boolean":
        if np.isnan(values).any():
            return objects(np.nan if value != value else bool(value) for value in values.tolist())
        return values.astype(bool)
    if column.type == "integer" and not np.isnan(values).any():
        return values.astype(np.int64)
    return values


def objects(values: Iterable[Any]) -> Array:
    """Values of several types as an array; numbers and nulls alone as floats, as pandas reads them."""
    found = list(values)
    if found and all(isinstance(value, int | float) and not isinstance(value, bool) for value in found):
        return np.array(found, dtype=np.float64 if any(value != value for value in found) else None)
    result = np.empty(len(found), dtype=object)
    result[:] = found
    return result


def parts(rows: int, size: int) -> Iterator[Array]:
    """Boolean arrays over so many rows, of so many rows each."""
    for start in range(0, rows, size):
        chosen = np.zeros(rows, dtype=bool)
        chosen[start : start + size] = True
        yield chosen
