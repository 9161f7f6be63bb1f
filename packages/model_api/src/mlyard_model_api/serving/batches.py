"""Rows of several requests as one batch, and the rows on which a version is measured."""

from collections.abc import Mapping, Sequence

import numpy as np
from mlyard_shared.features import Array, Table
from mlyard_shared.manifest import FeatureReference, Manifest
from mlyard_shared.schema import Column

Columns = Mapping[str, Array]
"""Each column of a version's schema, shape [n], as `mlyard_shared.features` takes it."""


def count(columns: Columns) -> int:
    """The number of rows."""
    return columns.count if isinstance(columns, Table) else len(next(iter(columns.values()), ()))


def size(columns: Columns) -> int:
    """How many bytes the arrays take."""
    return columns.nbytes if isinstance(columns, Table) else sum(array.nbytes for array in columns.values())


def joined(several: Sequence[Columns]) -> Columns:
    """The rows of several requests to one version, behind one another."""
    tables = [columns for columns in several if isinstance(columns, Table)]
    if len(tables) == len(several) and all(table.layout is tables[0].layout for table in tables):
        return Table.joined(tables)
    return {name: np.concatenate([columns[name] for columns in several]) for name in several[0]}


def part(columns: Columns, first: int, last: int) -> Columns:
    """The rows from `first` to before `last`."""
    return {name: columns[name][first:last] for name in columns}


def sample(manifest: Manifest, example: Columns, rows: int) -> Columns:
    """Rows that are spread as the training's were, as far as the manifest tells; else the input example again."""
    draw = np.random.default_rng(0)
    known = {reference.column: reference for reference in manifest.reference}
    return {
        column.name: _spread(column, known.get(column.name), example[column.name], draw, rows)
        for column in manifest.input_schema.columns
    }


def _spread(
    column: Column, known: FeatureReference | None, example: Array, draw: np.random.Generator, rows: int
) -> Array:
    if column.type == "category":
        return draw.choice(np.array(column.categories, dtype=object), rows)
    if known is None or len(known.edges) < 2 or column.type == "boolean":
        return np.repeat(example, rows)
    numbers = draw.uniform(known.edges[0], known.edges[-1], rows)
    if column.type == "datetime":
        return (numbers * 86_400_000_000).astype(np.int64).view("datetime64[us]")
    return numbers.round() if column.type == "integer" else numbers
