"""Rows to compare two engines on: real ones, and those where engines go apart.

Beside every threshold of a tree, nulls, categories that are missing or new, and the largest numbers of each type.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mlyard_shared.columns import GRAMMAR_VERSION, GRAMMARS
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, Schema

from mlyard_training_pipeline.versions.onnx import composites, preprocessing

MAX_ROWS = 20_000
_STEPS = 8_000_000
_BESIDE = 5
_MAX_CATEGORIES = 2_000
_SEED = 7


def rows(pipeline: Any, schema: Schema, real: Array) -> Array:
    """Rows in the form of the model's inputs, shape [n, inputs].

    Args:
        pipeline: fitted, of `candidates.preprocessing`.
        schema: what its inputs are.
        real: rows of the table, which everything that is not probed is drawn from.
    """
    draw = np.random.default_rng(_SEED)
    cells = [*_thresholds(pipeline, draw), *_values(schema, real.dtype)]
    made = real[draw.integers(0, len(real), sum(len(values) for _, values in cells))].copy()
    start = 0
    for position, values in cells:
        made[start : start + len(values), position] = values
        start += len(values)
    return np.concatenate([made, _empty(schema, real)])


def limit(pipeline: Any) -> int:
    """How many rows an estimator is compared on: fewer where each goes down many deep trees, for a second or two."""
    trees, nodes = composites.size(pipeline[-1])
    depth = np.log2(max(nodes / max(trees, 1), 2))
    return int(min(MAX_ROWS, _STEPS // (max(trees, 1) * depth)))


def _thresholds(pipeline: Any, draw: np.random.Generator) -> Iterator[tuple[int, Array]]:
    """Values beside a sample of the thresholds of each number, by its position."""
    features, thresholds = composites.thresholds(pipeline[-1])
    sources = preprocessing.number_inputs(pipeline)
    used = [position for position in np.unique(features).tolist() if position in sources]
    budget = limit(pipeline) // _BESIDE
    for position in used:
        found = np.unique(thresholds[features == position])
        if len(found) > budget // len(used):
            found = draw.choice(found, max(budget // len(used), 1), replace=False)
        yield sources[position], beside(found)


def beside(thresholds: Array) -> Array:
    """The thresholds themselves, and their neighbours below and above, as float32 and as float64 has them."""
    single = thresholds.astype(np.float32)
    with np.errstate(over="ignore"):
        around = [np.nextafter(single, np.float32(sign * np.inf)).astype(np.float64) for sign in (-1, 1)]
    exact = [thresholds, np.nextafter(thresholds, np.inf)]
    found = np.concatenate([single.astype(np.float64), *around, *exact])
    return np.clip(found, -MAX_NUMBER, MAX_NUMBER, out=found)


def _values(schema: Schema, kind: Any) -> Iterator[tuple[int, Array]]:
    """Nulls, categories and the largest numbers, column by column."""
    position = 0
    for column in schema.columns:
        parts = schema.parts(column.name) if column.type == "datetime" else ("",)
        for offset in range(len(parts)):
            yield position + offset, np.array(_extremes(column), dtype=kind)
        position += len(parts)


def _extremes(column: Column) -> list[float]:
    if column.type == "category":
        known = len(column.categories)
        return [-1, *range(min(known, _MAX_CATEGORIES)), *([known] if column.nullable else [])]
    largest = GRAMMARS[GRAMMAR_VERSION].max_integer
    numbers: dict[str, list[float]] = {
        "boolean": [0, 1],
        "datetime": [0, 1, 23, 59, 366, 2932896, -719162],
        "integer": [0, 1, -1, largest, -largest],
        "number": [0.0, 1e-30, -1e-30, 1e15, -1e15, MAX_NUMBER, -MAX_NUMBER],
    }
    return numbers[column.type] + ([np.nan] * 3 if column.nullable else [])


def _empty(schema: Schema, real: Array) -> Array:
    """A row in which everything is null that may be, and every category new."""
    row = real[:1].copy()
    position = 0
    for column in schema.columns:
        width = len(schema.parts(column.name)) if column.type == "datetime" else 1
        if column.type == "category":
            row[:, position] = -1
        elif column.nullable:
            row[:, position : position + width] = np.nan
        position += width
    return row
