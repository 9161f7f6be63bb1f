"""A prediction: a model's columns in; ids, version, time and values out. It knows no wire format."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from mlyard_shared.engines import Output, conformal
from mlyard_shared.features import Array

from mlyard_model_api.errors import Unanswered
from mlyard_model_api.row_ids import RowIds
from mlyard_model_api.serving import batches
from mlyard_model_api.serving.batches import Columns, count
from mlyard_model_api.serving.gathering import Waiting
from mlyard_model_api.serving.version import Reference, ServedVersion

__all__ = ["Columns", "Predictions", "Waiting", "answer", "compute", "count", "predict", "predict_soon"]


class Predictions(NamedTuple):
    """What one version answers for n rows.

    `values` are classes, or numbers for a regression; `probabilities` has the shape [n, classes], or is None where the
    model gives none; `ids` are UUIDv7, new for each row. By the level of each conformal quantile of the manifest there
    are `intervals`, float64 [n, 2], for a regression, and `sets`, bool [n, classes], for a classification.
    """

    version: Reference
    at: datetime
    ids: Sequence[str]
    values: list[Any]
    classes: tuple[bool | int | str, ...]
    probabilities: Array | None
    intervals: Mapping[float, Array] = MappingProxyType({})
    sets: Mapping[float, Array] = MappingProxyType({})


async def predict(version: ServedVersion, columns: Columns) -> Predictions:
    """Let a version answer: a quick one in the event loop, others in their lanes.

    Args:
        version: who answers, also where another version serves meanwhile.
        columns: the rows.

    Raises:
        Overloaded: too much waits for this version.
        NotComputable: the model has no finite answer for a row.
        ModelFailed: the fault is the model's.
    """
    rows, pace = count(columns), version.pace
    if rows > pace.quick_rows:
        size = batches.size(columns)
        return await version.lane.join(partial(_timed, version), columns, rows=rows, size=size, most=pace.joined_rows)
    result: asyncio.Future[Predictions] = asyncio.get_running_loop().create_future()
    predict_soon(version, columns, Waiting(partial(_settle, result), result.done))
    return await result


def predict_soon(version: ServedVersion, columns: Columns, waiting: Waiting) -> None:
    """Let a quick version answer in the event loop: now, or in a moment together with what comes at the same time."""
    most = min(version.pace.joined_rows, version.pace.quick_rows)
    version.gathering.add(partial(_timed, version), columns, waiting, rows=count(columns), most=most)


def answer(version: ServedVersion, requests: Sequence[Columns]) -> list[Predictions | Unanswered]:
    """Answer requests together in this thread; where one of them has no answer, each on its own."""
    if len(requests) > 1:
        try:
            output = version.predict(batches.joined(requests))
        except Unanswered:
            pass
        else:
            return _parted(version, output, requests)
    found: list[Predictions | Unanswered] = []
    for columns in requests:
        try:
            found.append(compute(version, columns))
        except Unanswered as error:
            found.append(error)
    return found


def compute(version: ServedVersion, columns: Columns) -> Predictions:
    """Answer one request in this thread; raises `NotComputable` and `ModelFailed`."""
    return _predictions(version, version.predict(columns), datetime.now(UTC))


def _timed(version: ServedVersion, requests: Sequence[Columns]) -> list[Predictions | Unanswered]:
    clock = version.pace.clock
    started = clock()
    found = answer(version, requests)
    version.pace.note(sum(map(count, requests)), clock() - started, clock)
    return found


def _settle(result: asyncio.Future[Predictions], outcome: Predictions | Exception) -> None:
    if result.done():
        return
    if isinstance(outcome, Exception):
        result.set_exception(outcome)
    else:
        result.set_result(outcome)


def _parted(version: ServedVersion, output: Output, requests: Sequence[Columns]) -> list[Predictions | Unanswered]:
    now, first = datetime.now(UTC), 0
    found: list[Predictions | Unanswered] = []
    for columns in requests:
        last = first + count(columns)
        found.append(_predictions(version, output.part(first, last), now))
        first = last
    return found


def _predictions(version: ServedVersion, output: Output, now: datetime) -> Predictions:
    values: list[Any] = output.predictions.tolist()
    manifest = version.manifest
    if manifest.classes:
        values = list(map(manifest.classes.__getitem__, values))
    found = Predictions(
        version=version.reference,
        at=now,
        ids=RowIds(len(values)),
        values=values,
        classes=manifest.classes,
        probabilities=output.probabilities,
    )
    if manifest.conformal is None:
        return found
    return found._replace(intervals=conformal.intervals(output, manifest), sets=conformal.sets(output, manifest))
