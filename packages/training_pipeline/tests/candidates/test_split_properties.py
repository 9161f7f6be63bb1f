"""What holds of every split, whatever the rows are."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mlyard_shared.features import Array
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import folds
from mlyard_training_pipeline.candidates.folds import Split
from mlyard_training_pipeline.data import holdout
from mlyard_training_pipeline.data.dataset import Dataset

from ..conftest import make_regression, make_spec

QUICK = settings(max_examples=40, deadline=None, database=None)
SIZES = st.integers(40, 120)


def split(spec: ModelSpec, target: Array, count: int, **more: Any) -> list[Split]:
    """The splits of rows that are all trained on."""
    classes = tuple(range(int(target.max()) + 1)) if spec.task == "classification" else ()
    facts = {"training": np.ones(len(target), dtype=bool), "target": target, "classes": classes}
    data = SimpleNamespace(**{**facts, "order": None, "groups": None, **more})
    return folds.splits(spec, cast("Dataset", data), count)


def check(made: list[Split], rows: int, count: int) -> None:
    assert len(made) == count
    tested = np.concatenate([test for _, test in made])
    assert len(np.unique(tested)) == len(tested) <= rows
    for fit, test in made:
        assert len(fit)
        assert len(test)
        assert not set(fit) & set(test)


@QUICK
@given(rows=SIZES, count=st.integers(2, 8), seed=st.integers(0, 999))
def test_at_random_each_row_is_tested_once_and_classes_are_spread(rows: int, count: int, seed: int) -> None:
    target = np.random.default_rng(seed).permutation(np.arange(rows) % 3)
    made = split(make_spec(), target, count)
    check(made, rows, count)
    assert sum(len(test) for _, test in made) == rows
    shares = np.array([np.bincount(target[test], minlength=3) for _, test in made])
    assert (shares.max(axis=0) - shares.min(axis=0) <= 1).all()


@QUICK
@given(rows=SIZES, count=st.integers(2, 6), groups=st.integers(8, 30), seed=st.integers(0, 999), classes=st.booleans())
def test_no_group_is_ever_on_both_sides(rows: int, count: int, groups: int, seed: int, classes: bool) -> None:
    draw = np.random.default_rng(seed)
    own = draw.integers(0, groups, rows)
    assume(len(np.unique(own)) >= count)
    target = np.arange(rows) % 2 if classes else draw.normal(size=rows)
    made = split(make_spec() if classes else make_regression(), target, count, groups=own)
    check(made, rows, count)
    for fit, test in made:
        assert not set(own[fit]) & set(own[test])


@QUICK
@given(rows=SIZES, count=st.integers(2, 6), moments=st.integers(8, 60), seed=st.integers(0, 999))
def test_every_fold_looks_forward_and_no_moment_is_on_both_sides(
    rows: int, count: int, moments: int, seed: int
) -> None:
    times = np.random.default_rng(seed).integers(0, moments, rows)
    assume(len(np.unique(times)) > count)
    made = split(make_regression(), times.astype(float), count, order=times)
    check(made, rows, count)
    for fit, test in made:
        assert times[fit].max() < times[test].min()
    for (_, earlier), (fit, _) in pairwise(made):
        assert set(earlier) <= set(fit)


@QUICK
@given(
    hashes=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=200),
    fractions=st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)),
)
def test_a_smaller_share_is_held_out_from_the_larger_one_and_no_row_changes_sides_for_others(
    hashes: list[int], fractions: tuple[float, float]
) -> None:
    found = np.array(hashes, dtype=np.uint64)
    smaller, larger = (holdout.below(found, fraction) for fraction in sorted(fractions))
    assert not (smaller & ~larger).any()
    order = np.random.default_rng(len(hashes)).permutation(len(found))
    assert (holdout.below(found[order], fractions[0]) == holdout.below(found, fractions[0])[order]).all()
