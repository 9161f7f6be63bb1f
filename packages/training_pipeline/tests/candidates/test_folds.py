from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import folds
from mlyard_training_pipeline.data import dataset as table

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


def test_every_fold_of_a_classification_has_every_class(spec: Spec, mixed: Mixed) -> None:
    read = table.read(pa.table(mixed()), spec())
    target = read.target[~read.held_out]
    for _, test in folds.splits(spec(), read):
        assert set(target[test]) == {0, 1, 2}


def test_no_group_is_on_both_sides_of_a_fold(spec: Spec, mixed: Mixed) -> None:
    made = spec(group="site", features={"leave_out": ["amount"]})
    read = table.read(pa.table(mixed() | {"site": [f"s{row % 12}" for row in range(240)]}), made)
    assert read.groups is not None
    groups = read.groups[~read.held_out]
    for fit, test in folds.splits(made, read):
        assert not set(groups[fit]) & set(groups[test])


def test_with_an_event_time_every_test_row_is_later_than_what_was_trained_on(spec: Spec, mixed: Mixed) -> None:
    made = spec(event_time="at")
    days = np.datetime64("2024-01-01") + np.random.default_rng(3).permutation(240).astype("timedelta64[D]")
    read = table.read(pa.table(mixed() | {"at": [str(day) for day in days]}), made)
    assert read.order is not None
    order = read.order[~read.held_out]
    for fit, test in folds.splits(made, read):
        assert order[fit].max() < order[test].min()


def test_splits_are_the_same_each_time(spec: Spec, mixed: Mixed) -> None:
    read = table.read(pa.table(mixed()), spec())
    first, second = folds.splits(spec(), read), folds.splits(spec(), read)
    assert all((a[1] == b[1]).all() for a, b in zip(first, second, strict=True))
