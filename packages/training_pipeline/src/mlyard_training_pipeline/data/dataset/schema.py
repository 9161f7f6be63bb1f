"""The input schema of a model, from the facts of its columns over the rows that it trains on."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

import numpy as np
from mlyard_shared.columns import ColumnType
from mlyard_shared.schema import Column, DateExpansion, DatePart, Schema, Value
from mlyard_shared.spec import ModelSpec
from pydantic import ValidationError

from mlyard_training_pipeline.data.dataset.facts import DEFAULT_PARTS, is_null
from mlyard_training_pipeline.data.dataset.reading import ColumnRead
from mlyard_training_pipeline.data.problems import Problems


def input_schema(
    columns: Sequence[ColumnRead], examples: dict[str, Any], spec: ModelSpec, problems: Problems
) -> Schema | None:
    """The schema, or None where a problem was noted.

    Categories are those of the training rows, sorted; a column is nullable where any row has none.

    Args:
        columns: the features in their order.
        examples: of each feature the stored value of one training row.
        spec: names parts of dates, and what becomes of unseen categories.
        problems: where problems go.
    """
    found = [_column(column, examples[column.name], spec) for column in columns]
    expansions = [
        DateExpansion(column=column.name, parts=parts)
        for column in columns
        if column.type == "datetime" and (parts := _parts(column, spec, problems))
    ]
    if problems:
        return None
    try:
        return Schema(columns=tuple(found), dates=tuple(expansions))
    except ValidationError as error:
        problems.add(error.errors()[0]["msg"].removeprefix("Value error, "))
        return None


def _column(read: ColumnRead, example: Any, spec: ModelSpec) -> Column:
    texts = [] if read.categories is None else read.categories.to_pylist()
    trained = np.flatnonzero(read.facts.trained) if read.type == "category" else ()
    return Column(
        name=read.name,
        type=read.type,
        nullable=read.facts.nulls > 0,
        categories=tuple(sorted(texts[code] for code in trained)),
        unseen=spec.features.unseen.get(read.name, "refuse"),
        example=None if is_null(np.array([example]))[0] else _value(example, read.type, texts),
        rounded=read.facts.rounded,
    )


def _value(value: Any, kind: ColumnType, texts: list[str]) -> Value:
    match kind:
        case "category":
            return texts[int(value)]
        case "datetime":
            return str(np.datetime64(int(value), "us").item().replace(tzinfo=UTC).isoformat())
        case "boolean":
            return bool(value)
        case "integer":
            return int(value)
    return float(value)


def _parts(read: ColumnRead, spec: ModelSpec, problems: Problems) -> tuple[DatePart, ...]:
    if said := spec.features.dates.get(read.name):
        return tuple(dict.fromkeys(said))
    parts = tuple(part for part in DEFAULT_PARTS if part in read.facts.varying)
    if not parts:
        problems.add(
            f"column {read.name!r} has the same year, month, day, weekday and hour in all rows that are trained on",
            first=["name what it becomes in features.dates"],
            leave_out=read.name,
        )
    return parts
