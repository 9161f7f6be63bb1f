"""How the columns of a Dataset are distributed over the training rows: what drift is measured against."""

from typing import Any

import numpy as np
from mlyard_shared.features import date_part
from mlyard_shared.manifest import FeatureReference
from mlyard_shared.schema import Column

from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.dataset import Dataset

BINS = 10


def feature_reference(dataset: Dataset) -> tuple[FeatureReference, ...]:
    """How each column is distributed over the rows that are trained on."""
    training = dataset.training
    return tuple(_reference(column, dataset, training) for column in dataset.schema.columns)


def _reference(column: Column, dataset: Dataset, training: Array) -> FeatureReference:
    values = dataset.values(column, training)
    rows = int(training.sum())
    if column.type == "category":
        known = len(column.categories)
        counts = np.bincount(values.codes(column).astype(np.int64), minlength=known + 1)
        return FeatureReference(
            column=column.name,
            rows=rows,
            missing=int(counts[known]),
            categories=column.categories,
            counts=tuple(counts[:known].tolist()),
        )
    plain: Any = values.plain(column)
    numbers = date_part(plain, "days_since_epoch") if column.type == "datetime" else plain
    ranked = np.sort(numbers[~np.isnan(numbers)])
    edges = _edges(ranked)
    # The last bin includes its right edge, so that every row is in one.
    cuts = [0, *np.searchsorted(ranked, edges[1:-1]).tolist(), len(ranked)]
    return FeatureReference(
        column=column.name,
        rows=rows,
        missing=rows - len(ranked),
        edges=tuple(edges.tolist()),
        counts=tuple(np.diff(cuts).tolist()),
    )


def _edges(ranked: Array) -> Array:
    """Deciles of sorted numbers; where there are few different ones, one bin for each."""
    distinct = ranked[np.concatenate([[True], ranked[1:] != ranked[:-1]])]
    if len(distinct) == 1:
        return np.array([distinct[0] - 0.5, distinct[0] + 0.5])
    if len(distinct) <= BINS:
        return np.array([distinct[0], *((distinct[:-1] + distinct[1:]) / 2), distinct[-1]])
    return np.unique(np.quantile(ranked, np.linspace(0, 1, BINS + 1)))
