"""The facts of a model card that stand nowhere else in a manifest, such as what the model should not be used for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from mlyard_shared.gate import GateReport
from mlyard_shared.manifest.current import CandidateScore, Card
from mlyard_shared.schema import Schema
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.tracking.references import Evaluation

_RARE = 50
"""Rows of a class that are fewer than this say little about it."""

_FEW = 1_000
"""Rows held out that are fewer than this leave wide intervals."""

_NAMED = 8
"""So many columns or classes are named."""


def make(spec: ModelSpec, dataset: Dataset, evaluation: Evaluation, report: GateReport | None) -> Card:
    """Make the card. What the gate says is left out where it also depends on what the version takes to serve."""
    is_told = report is not None and spec.gate.latency_ms is None and spec.gate.size_mb is None
    estimators = {candidate.name: candidate.estimator for candidate in spec.candidates}
    compared = () if evaluation.winner.imported is not None else evaluation.candidates
    return Card(
        rows_trained=int((dataset.training).sum()),
        rows_held_out=int(dataset.held_out.sum()),
        period=_period(dataset),
        candidates=tuple(
            CandidateScore(
                name=one.candidate, estimator=estimators[one.candidate], score=one.score, deviation=one.deviation
            )
            for one in compared
        ),
        champion_before=evaluation.champion_version,
        gate=report.verdict if report is not None and is_told else None,
        limits=(*_of_import(evaluation), *_limits(spec, dataset)),
    )


def _period(dataset: Dataset) -> tuple[datetime, datetime] | None:
    if dataset.order is None:
        return None
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first, last = (epoch + timedelta(microseconds=int(end)) for end in (dataset.order.min(), dataset.order.max()))
    return first, last


def _limits(spec: ModelSpec, dataset: Dataset) -> Iterator[str]:
    """Sentences on what the model should not be used for, or with care."""
    yield from _of_time(dataset)
    yield from _of_categories(dataset.schema)
    numbers = [column.name for column in dataset.schema.columns if column.type in ("number", "integer")]
    if numbers:
        yield (
            f"Beyond the ranges that it was trained on ({_listed(numbers)}) its answers are extrapolated: they were "
            "not judged there."
        )
    trained, held_out = dataset.training, int(dataset.held_out.sum())
    if dataset.classes:
        counts = np.bincount(dataset.target[trained].astype(np.int64), minlength=len(dataset.classes))
        rare = [f"{label} ({count})" for label, count in zip(dataset.classes, counts, strict=True) if count < _RARE]
        if rare:
            yield f"It has seen few rows of {_listed(rare)}: what it says of such a class is unsure."
    else:
        low, high = float(dataset.target[trained].min()), float(dataset.target[trained].max())
        yield f"It has seen {spec.target} between {low:.6g} and {high:.6g} only."
    if held_out < _FEW:
        yield f"It was judged on {held_out} rows: differences within the intervals of its scores may be chance."


def _of_import(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.winner.imported is not None:
        yield (
            "It was fitted elsewhere: what is said here of training is what the table says that it was imported with."
        )


def _of_time(dataset: Dataset) -> Iterator[str]:
    if dataset.order is not None:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        last = epoch + timedelta(microseconds=int(dataset.order[dataset.training].max()))
        yield f"It was trained on rows until {last:%Y-%m-%d}: what has changed since, it does not know."


def _of_categories(schema: Schema) -> Iterator[str]:
    refusing = [one.name for one in schema.columns if one.type == "category" and one.unseen == "refuse"]
    taking = [one.name for one in schema.columns if one.type == "category" and one.unseen == "accept"]
    if refusing:
        yield f"Categories that were not in training are refused: {_listed(refusing)}."
    if taking:
        yield f"Categories that were not in training are taken, all in the same way: {_listed(taking)}."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
