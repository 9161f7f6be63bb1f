"""The input schema of a model and the reference for drift, both from the rows that it trains on."""

from datetime import UTC
from typing import Any

import numpy as np
from mlyard_shared.errors import TableError
from mlyard_shared.features import date_part
from mlyard_shared.manifest import FeatureReference
from mlyard_shared.schema import Column, ColumnType, DateExpansion, DatePart, Schema, Value
from mlyard_shared.spec import Features
from pydantic import ValidationError

from mlyard_training_pipeline.data.columns import Array, missing

DEFAULT_PARTS: tuple[DatePart, ...] = ("year", "month", "day", "weekday", "hour")
BINS = 10


def input_schema(
    columns: dict[str, Array], types: dict[str, ColumnType], features: Features, *, training: Array
) -> Schema:
    """The schema: categories and examples from the training rows, nulls from every row.

    Raises:
        TableError: a column says nothing over the training rows, or the spec sets what its type does not have.
    """
    for name in features.dates:
        if types.get(name) != "datetime":
            raise TableError(
                f"features.dates names {name!r}, which is no date feature: it is {types.get(name, 'left out')}"
            )
    for name in features.unseen:
        if types.get(name) != "category":
            raise TableError(
                f"features.unseen names {name!r}, which is no category: it is {types.get(name, 'left out')}"
            )
    example = _fullest_row(columns, training)
    dates = [
        DateExpansion(column=name, parts=_parts(name, columns[name][training], features))
        for name, kind in types.items()
        if kind == "datetime"
    ]
    described = [_column(name, columns[name], kind, features, training, example) for name, kind in types.items()]
    try:
        return Schema(columns=tuple(described), dates=tuple(dates))
    except ValidationError as error:
        raise TableError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def feature_reference(columns: dict[str, Array], schema: Schema, *, training: Array) -> tuple[FeatureReference, ...]:
    """How each column is distributed over the training rows."""
    result = []
    for column in schema.columns:
        array = columns[column.name][training]
        null = missing(array)
        seen = array[~null]
        facts: dict[str, Any] = {"column": column.name, "rows": len(array), "missing": int(null.sum())}
        if column.type == "category":
            counts = [int((seen == category).sum()) for category in column.categories]
            facts |= {"categories": column.categories, "counts": tuple(counts)}
        else:
            numbers = date_part(seen, "days_since_epoch") if column.type == "datetime" else seen.astype(np.float64)
            edges = _edges(numbers)
            facts |= {"edges": tuple(edges.tolist()), "counts": tuple(np.histogram(numbers, edges)[0].tolist())}
        result.append(FeatureReference(**facts))
    return tuple(result)


def _column(name: str, array: Array, kind: ColumnType, features: Features, training: Array, example: int) -> Column:
    null = missing(array)
    if null[training].all():
        raise TableError(f"column {name!r} is empty in every row that is trained on: add it to features.leave_out")
    categories = tuple(sorted(set(array[training & ~null]))) if kind == "category" else ()
    return Column(
        name=name,
        type=kind,
        nullable=bool(null.any()),
        categories=categories,
        unseen=features.unseen.get(name, "refuse"),
        example=None if null[example] else _value(array[example], kind),
    )


def _value(value: Any, kind: ColumnType) -> Value:
    if kind == "category":
        return str(value)
    if kind == "datetime":
        return str(value.astype("datetime64[us]").item().replace(tzinfo=UTC).isoformat())
    if kind == "boolean":
        return bool(value)
    return int(value) if kind == "integer" else float(value)


def _parts(name: str, dates: Array, features: Features) -> tuple[DatePart, ...]:
    if features.dates.get(name):
        return tuple(dict.fromkeys(features.dates[name]))
    seen = dates[~np.isnat(dates)]
    parts = tuple(part for part in DEFAULT_PARTS if len(np.unique(date_part(seen, part))) > 1)
    if not parts:
        raise TableError(
            f"column {name!r} has the same year, month, day and hour in all rows: add it to features.leave_out, or "
            "name its parts in features.dates"
        )
    return parts


def _fullest_row(columns: dict[str, Array], training: Array) -> int:
    """The first training row with the fewest nulls."""
    nulls = sum(missing(array).astype(np.int64) for array in columns.values())
    return int(np.argmin(np.where(training, nulls, len(columns) + 1)))


def _edges(numbers: Array) -> Array:
    """Deciles; where there are few values, one bin for each."""
    distinct = np.unique(numbers)
    if len(distinct) == 1:
        return np.array([distinct[0] - 0.5, distinct[0] + 0.5])
    if len(distinct) <= BINS:
        return np.array([distinct[0], *((distinct[:-1] + distinct[1:]) / 2), distinct[-1]])
    return np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)))
