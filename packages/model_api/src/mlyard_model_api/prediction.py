"""A prediction: a model's columns in; ids, version, time and values out. It knows no wire format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uuid_utils
from mlyard_shared.features import Array

from mlyard_model_api.serving import conformal
from mlyard_model_api.serving.version import Reference, ServedVersion

Columns = dict[str, Array]
"""Each column of a version's schema, shape [n], as `mlyard_shared.features` takes it."""


@dataclass(frozen=True)
class Predictions:
    """What one version answers for n rows.

    `values` are classes, or numbers for a regression; `probabilities` has the shape [n, classes], or is None where the
    model gives none; `ids` are UUIDv7, new for each row. By the level of each conformal quantile of the manifest there
    are `intervals`, float64 [n, 2], for a regression, and `sets`, bool [n, classes], for a classification.
    """

    version: Reference
    at: datetime
    ids: list[str]
    values: list[Any]
    classes: tuple[bool | int | str, ...]
    probabilities: Array | None
    intervals: Mapping[float, Array] = field(default_factory=dict)
    sets: Mapping[float, Array] = field(default_factory=dict)


async def predict(version: ServedVersion, columns: Columns) -> Predictions:
    """Let a version answer in its lane.

    Args:
        version: who answers, also where another version serves meanwhile.
        columns: the rows.

    Raises:
        Overloaded: too much waits for this version.
        NotComputable: the model has no finite answer for a row.
        ModelFailed: the fault is the model's.
    """

    def answer(given: Columns) -> Predictions:
        return compute(version, given)

    rows = count(columns)
    size = sum(array.nbytes for array in columns.values())
    return await version.lane.run(answer, columns, rows=rows, size=size)


def compute(version: ServedVersion, columns: Columns) -> Predictions:
    """Answer in this thread; raises `NotComputable` and `ModelFailed`."""
    output = version.predict(columns)
    values: list[Any] = output.predictions.tolist()
    classes = version.manifest.classes
    if classes:
        values = [classes[index] for index in values]
    return Predictions(
        version=version.reference,
        at=datetime.now(UTC),
        ids=[str(uuid_utils.uuid7()) for _ in values],
        values=values,
        classes=classes,
        probabilities=output.probabilities,
        intervals=conformal.intervals(output, version.manifest),
        sets=conformal.sets(output, version.manifest),
    )


def count(columns: Columns) -> int:
    """The number of rows."""
    return len(next(iter(columns.values()), ()))
