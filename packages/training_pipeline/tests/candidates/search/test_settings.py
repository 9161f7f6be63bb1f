"""Which settings are tried, and how they are divided."""

import math
from itertools import pairwise
from typing import Any

import pytest
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates.search import settings, spread
from mlyard_training_pipeline.candidates.search.budget import Budget


def candidate(**more: Any) -> Candidate:
    return Candidate(name="one", estimator="sklearn.linear_model.Ridge", **more)


def test_a_grid_is_tried_in_the_order_of_the_spec() -> None:
    made = candidate(grid={"a": [1, 2], "b": ["x", "y"]})
    assert settings.settings_of(made) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert settings.settings_of(candidate()) == [{}]


def test_random_settings_of_a_grid_are_different_ones_of_it() -> None:
    made = candidate(search="random", trials=5, grid={"a": list(range(10)), "b": list(range(10))})
    found = settings.settings_of(made)
    assert len({tuple(one.values()) for one in found}) == 5
    assert found == settings.settings_of(made)
    assert len(settings.settings_of(candidate(search="random", trials=500, grid={"a": [1, 2]}))) == 2


def test_ranges_are_drawn_from_within_their_ends() -> None:
    ranges = {
        "whole": {"low": 2, "high": 5},
        "tiny": {"low": 1, "high": 1000, "log": True},
        "share": {"low": 0.5, "high": 1.0},
        "speed": {"low": 1e-4, "high": 1.0, "log": True},
    }
    found = settings.settings_of(candidate(search="random", trials=2000, ranges=ranges, grid={"kind": ["a", "b"]}))
    assert {one["whole"] for one in found} == {2, 3, 4, 5}
    assert all(isinstance(one["tiny"], int) and 1 <= one["tiny"] <= 1000 for one in found)
    assert sum(one["tiny"] < 32 for one in found) == pytest.approx(1000, abs=150)
    assert all(0.5 <= one["share"] <= 1.0 for one in found)
    assert sum(one["speed"] < 1e-2 for one in found) == pytest.approx(1000, abs=120)
    assert {one["kind"] for one in found} == {"a", "b"}


@pytest.mark.parametrize(("count", "rungs"), [(1, 1), (2, 1), (3, 2), (8, 2), (9, 3), (27, 4), (80, 4), (81, 5)])
def test_halving_ends_with_one_or_two_settings_on_all_rows(count: int, rungs: int) -> None:
    made = candidate(search="halving", grid={"a": list(range(count))})
    assert made.rungs == rungs
    assert settings.share(rungs - 1, rungs) == 1.0
    assert settings.share(0, rungs) == pytest.approx(3.0 ** -(rungs - 1))
    assert settings.kept(rungs - 1, count) <= 3
    assert [settings.kept(rung, 27) for rung in range(4)] == [27, 9, 3, 1]


def test_rungs_are_of_halving_alone_and_of_as_many_as_are_drawn() -> None:
    ranges: Any = {"a": {"low": 0.0, "high": 1.0}}
    assert candidate(search="random", trials=81, ranges=ranges).rungs == 1
    assert candidate(search="halving", trials=81, ranges=ranges).rungs == 5
    assert candidate(search="halving", trials=9, grid={"a": list(range(100))}).rungs == 3


def test_parts_take_ten_seconds_at_least_and_hold_each_setting_once() -> None:
    parts = spread.parts(3, 100, seconds=0.5)
    assert parts[0][0] == 3
    assert parts[-1][1] == 100
    assert all(left[1] == right[0] for left, right in pairwise(parts))
    assert min((end - first) * 0.5 for first, end in parts) >= 10
    assert spread.parts(1, 20, seconds=0.5) == []
    assert spread.parts(1, 4, seconds=60) == [(1, 2), (2, 3), (3, 4)]
    assert spread.parts(5, 5, seconds=60) == []
    assert len(spread.parts(0, 10_000, seconds=100)) == spread.MOST_PARTS


def test_nothing_begins_that_would_end_after_the_time() -> None:
    now = [100.0]
    budget = Budget(110.0, clock=lambda: now[0])
    assert budget.allows()
    budget.took(4.0)
    budget.took(2.0, share=1 / 3)
    now[0] = 104.0
    assert budget.allows()
    now[0] = 104.5
    assert not budget.allows()
    assert budget.allows(0.5)
    assert Budget(None).allows(math.inf)
