"""Columns that say the target by themselves: copies of it, and what is known only once the target is."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from mlyard_shared.schema import Column

from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.dataset import Dataset

SAMPLE = 20_000
"""Rows that are looked at, evenly spread over the table, so that a large one takes no longer."""

_FEWEST = 40
"""Rows without which a column says nothing about others."""

_SHARE = 0.99
"""From this balanced accuracy or R² on rows that were not looked at a column is said to give the target away."""

_LEAVES = 512


class Giveaway(NamedTuple):
    """A column that says the target; `score` is its balanced accuracy or R² alone, on rows not looked at before."""

    column: str
    kind: Literal["copy", "giveaway"]
    score: float


def giveaways(dataset: Dataset) -> Iterator[Giveaway]:
    """Every such column of what the model sees."""
    rows = _sample(dataset.rows)
    target = np.asarray(dataset.target)[rows].astype(np.float64)
    if len(target) < _FEWEST:
        return
    for column in dataset.schema.columns:
        values = _numbers(dataset, column, rows)
        if _is_copy(values, target, classes=len(dataset.classes)):
            yield Giveaway(column.name, "copy", 1.0)
            continue
        score = _score(values, target, column, classes=len(dataset.classes))
        if score >= _SHARE:
            yield Giveaway(column.name, "giveaway", score)


def twins(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Columns with the values of an earlier one in every row that is looked at, and that one."""
    rows = _sample(dataset.rows)
    seen: dict[tuple[str, int], str] = {}
    for column in dataset.schema.columns:
        mark = column.type, hash(_ranks(_numbers(dataset, column, rows)).tobytes())
        if mark in seen and _same(dataset, column.name, seen[mark]):
            yield column.name, seen[mark]
        seen.setdefault(mark, column.name)


def _same(dataset: Dataset, name: str, other: str) -> bool:
    """Whether two columns of one type hold the same, and not only the same order of what they hold."""
    rows = _sample(dataset.rows)
    columns = {column.name: column for column in dataset.schema.columns}
    one, two = (dataset.values(columns[key], rows).plain(columns[key]) for key in (name, other))
    if one.dtype == object:
        return bool((one == two).all())
    return bool(np.array_equal(one, two, equal_nan=True))


def _sample(rows: int) -> Mask:
    chosen = np.zeros(rows, dtype=bool)
    chosen[np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(np.int64)] = True
    return chosen


def _numbers(dataset: Dataset, column: Column, rows: Mask) -> Array:
    """The values as numbers, NaN for null; those of a category are codes."""
    values = dataset.values(column, rows)
    if column.type == "category":
        codes = values.codes(column)
        return np.where((codes < 0) | (codes >= len(column.categories)), np.nan, codes)
    plain = values.plain(column)
    if plain.dtype.kind == "M":
        return np.where(np.isnat(plain), np.nan, plain.astype("datetime64[us]").astype(np.int64).astype(np.float64))
    return plain.astype(np.float64)


def _ranks(values: Array) -> Array:
    return np.unique(values, return_inverse=True)[1].astype(np.int32)


def _is_copy(values: Array, target: Array, *, classes: int) -> bool:
    """Whether each value stands for one value of the target and the other way round."""
    if np.isnan(values).any():
        return False
    if not classes:
        return _is_line(values, target)
    pairs = np.unique(np.column_stack([values, target]), axis=0)
    return len(pairs) == len(np.unique(values)) == len(np.unique(target))


def _is_line(values: Array, target: Array) -> bool:
    """Whether one is the other in another unit."""
    x, y = values - values.mean(), target - target.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return spread > 0 and abs(float(x @ y)) >= (1 - 1e-9) * spread


def _score(values: Array, target: Array, column: Column, *, classes: int) -> float:
    """How well a column alone says the target: learned from every other row, and judged on the rest."""
    learned = np.arange(len(target)) % 2 == 0
    if classes and np.bincount(target[~learned].astype(np.int64), minlength=classes).min() < 1:
        return 0.0
    if column.type == "category" and classes:
        said = _by_level(values, target, learned, classes)
    else:
        said = _tree(classes).fit(values[learned, None], target[learned]).predict(values[~learned, None])
    truth = target[~learned]
    if classes:
        return float(np.mean([(said[truth == label] == label).mean() for label in range(classes)]))
    rest = float(((truth - said) ** 2).sum())
    return 1 - rest / float(((truth - truth.mean()) ** 2).sum() or np.inf)


def _by_level(values: Array, target: Array, learned: Mask, classes: int) -> Array:
    """The most frequent class of each level, of null too."""
    levels = _ranks(values)
    counts = np.zeros((levels.max() + 1, classes))
    np.add.at(counts, (levels[learned], target[learned].astype(np.int64)), 1)
    found: Array = counts.argmax(axis=1)[levels[~learned]]
    return found


def _tree(classes: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if classes:
        return DecisionTreeClassifier(max_leaf_nodes=32, min_samples_leaf=2, class_weight="balanced", random_state=0)
    return DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=3, random_state=0)
