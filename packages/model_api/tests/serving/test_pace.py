"""How fast a version is, is measured; answers do not depend on it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import NotComputable
from mlyard_model_api.prediction import Predictions, answer, compute, predict
from mlyard_model_api.serving import batches, pace, version
from mlyard_model_api.serving.batches import Columns
from mlyard_model_api.serving.gathering import Gathering, Waiting
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.pace import Pace
from mlyard_model_api.serving.version import Reference, ServedVersion, verify
from mlyard_shared.engines import Output
from mlyard_shared.manifest import Manifest

from ..versions import HOLDS, NUMBERS, line, penguin_columns, write_version

pytestmark = pytest.mark.anyio


def loaded(folder: Path, pipeline: Any, **facts: Any) -> ServedVersion:
    name = facts.get("name", "penguins")
    reference = Reference(name=name, version=1, digest=write_version(folder, pipeline, **facts))
    return version.load(folder, reference, verify(folder, reference), lane=Lane(name, rows=10_000))


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory, fitted: Any) -> ServedVersion:
    return loaded(tmp_path_factory.mktemp("twin") / "v", fitted, onnx=HOLDS)


@pytest.fixture(scope="module")
def manifest(penguins: ServedVersion) -> Manifest:
    return penguins.manifest


class Clock:
    """Time that passes by what is predicted."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now = 0.0
        self.seconds = seconds

    def __call__(self) -> float:
        return self.now

    def predict(self, columns: Columns) -> Output:
        rows = batches.count(columns)
        self.now += self.seconds(rows)
        return Output(np.zeros(rows, dtype=np.int64), np.tile([1.0, 0.0, 0.0], (rows, 1)))


@pytest.mark.parametrize(
    ("seconds", "is_twin", "expected"),
    [
        pytest.param(lambda rows: 1e-5 + rows * 1e-6, True, Pace(256, 1024), id="a linear twin"),
        pytest.param(lambda rows: 1e-5 + rows * 5e-7, True, Pace(1024, 1024), id="a small linear twin"),
        pytest.param(lambda rows: rows * 1e-5, True, Pace(64, 1), id="trees, which gain nothing"),
        pytest.param(lambda rows: 0.004 + rows * 1e-3, True, Pace(0, 8), id="a slow twin"),
        pytest.param(lambda rows: 0.01 + rows * 1e-5, False, Pace(0, 1024), id="trees of scikit-learn"),
        pytest.param(lambda rows: rows * 0.1, False, Pace(0, 1), id="neighbours"),
    ],
)
def test_a_version_is_measured(
    monkeypatch: pytest.MonkeyPatch,
    manifest: Manifest,
    seconds: Callable[[int], float],
    is_twin: bool,
    expected: Pace,
) -> None:
    clock = Clock(seconds)
    monkeypatch.setattr(time, "thread_time", clock)
    monkeypatch.setattr(time, "perf_counter", clock)
    trees = manifest.model_copy(update={"estimator": "sklearn.ensemble.RandomForestClassifier"})
    assert pace.measure(clock.predict, trees, penguin_columns(1), is_twin=is_twin) == expected


@pytest.mark.parametrize(
    ("estimator", "rows"),
    [
        ("sklearn.tree.DecisionTreeRegressor", 1024),
        ("sklearn.ensemble.HistGradientBoostingClassifier", 1024),
        ("sklearn.ensemble.ExtraTreesClassifier", 1024),
        ("sklearn.linear_model.LogisticRegression", 1),
        ("sklearn.ensemble.StackingClassifier", 1),
        ("sklearn.neural_network.MLPRegressor", 1),
    ],
)
def test_of_scikit_learn_only_trees_are_answered_together(
    monkeypatch: pytest.MonkeyPatch, manifest: Manifest, estimator: str, rows: int
) -> None:
    """The few rows that are compared may be equal to the last bit where one in a hundred is not."""
    clock = Clock(lambda count: 0.01 + count * 1e-5)
    monkeypatch.setattr(time, "perf_counter", clock)
    made = manifest.model_copy(update={"estimator": estimator})
    assert pace.measure(clock.predict, made, penguin_columns(1), is_twin=False).joined_rows == rows


def test_scikit_learn_is_answered_together_only_where_no_bit_changes(
    monkeypatch: pytest.MonkeyPatch, manifest: Manifest
) -> None:
    clock = Clock(lambda rows: 0.01 + rows * 1e-5)

    def other_in_batches(columns: Columns) -> Output:
        output = clock.predict(columns)
        assert output.probabilities is not None
        return Output(output.predictions, output.probabilities + 1e-16 * batches.count(columns))

    monkeypatch.setattr(time, "perf_counter", clock)
    trees = manifest.model_copy(update={"estimator": "sklearn.ensemble.RandomForestClassifier"})
    assert pace.measure(other_in_batches, trees, penguin_columns(1), is_twin=False).joined_rows == 1


def noted(found: Pace, *answers: tuple[int, float], processor: bool = True) -> int:
    """The quick rows after answers of so many rows in so many seconds, of the processor or of the day alone."""
    for rows, seconds in answers:
        found.note(rows, seconds if processor or found.clock is pace.QUICK_CLOCK else 0.0001, found.clock)
    return found.quick_rows


def test_one_slow_answer_says_nothing_of_a_version() -> None:
    found = Pace(quick_rows=64)
    assert noted(found, *[(64, 0.2), (64, 0.2), (1, 0.2), (32, 0.001)] * 20) == 64


def test_a_machine_that_does_something_else_says_nothing_of_a_version() -> None:
    assert noted(Pace(quick_rows=64), *[(64, 0.2)] * 20, processor=False) == 64


def test_what_is_too_slow_again_and_again_gets_a_thread_until_it_is_quick_there() -> None:
    found = Pace(quick_rows=64)
    slow = pace.SLOW_ANSWERS
    assert noted(found, (64, 0.2), *[(1, 0.0001), (64, 0.2)] * slow) == 32
    assert noted(found, *[(1, 0.2)] * slow) == 0
    assert noted(found, *[(1, 0.0001), (128, 0.1)] * pace.QUICK_ANSWERS) == 0
    assert noted(found, *[(128, 0.0015)] * pace.QUICK_ANSWERS) == 64
    noted(found, (64, 0.001))
    assert found.clock is pace.QUICK_CLOCK


@pytest.mark.parametrize("quick_rows", [0, 4])
async def test_what_is_computed_is_noted_wherever_that_is(penguins: ServedVersion, quick_rows: int) -> None:
    noted: list[int] = []

    class Noting(Pace):
        def note(self, rows: int, seconds: float, clock: pace.Clock) -> None:
            assert 0 < seconds < 1
            assert clock is self.clock
            noted.append(rows)

    await predict(replace(penguins, pace=Noting(quick_rows)), penguin_columns(3))
    assert noted == [3]


async def test_answers_are_equal_alone_and_together(penguins: ServedVersion) -> None:
    requests = [penguin_columns(count, seed=count) for count in (1, 3, 2, 1, 7)]
    together = answer(penguins, requests)
    found = await asyncio.gather(*(predict(penguins, columns) for columns in requests))
    for columns, one, other in zip(requests, together, found, strict=True):
        alone = compute(penguins, columns)
        for several in (one, other):
            assert isinstance(several, Predictions)
            assert several.values == alone.values
            assert several.probabilities is not None
            assert alone.probabilities is not None
            # Matrix products of other sizes add up in another order.
            assert np.abs(several.probabilities - alone.probabilities).max() < 1e-14


async def test_a_row_without_an_answer_spoils_no_other_request(tmp_path: Path) -> None:
    steep = loaded(tmp_path / "v", line(1e300), name="steep", schema=NUMBERS, classes=())
    good, bad = {"a": np.array([1.0])}, {"a": np.array([2.0, 1e30])}
    outcomes = answer(steep, [good, bad, good])
    assert isinstance(outcomes[0], Predictions)
    assert isinstance(outcomes[1], NotComputable)
    assert outcomes[1].row == 1
    assert isinstance(outcomes[2], Predictions)


async def test_what_comes_at_the_same_time_is_gathered_and_who_comes_alone_is_answered_at_once() -> None:
    gathering = Gathering()
    calls: list[list[int]] = []
    told: list[int] = []

    def function(given: list[int]) -> list[int]:
        calls.append(list(given))
        return given

    def add(number: int, *, is_gone: bool = False) -> None:
        gathering.add(function, number, Waiting(told.append, lambda: is_gone), rows=1, most=4)

    add(1)
    assert told == [1]
    await asyncio.sleep(0.001)
    for number in (2, 3):
        add(number)
    await asyncio.sleep(0.001)
    for number in range(4, 10):
        add(number, is_gone=number == 5)
    await asyncio.sleep(0.001)
    assert calls == [[1], [2], [3], [4, 6, 7], [8, 9]]
    add(10)
    await asyncio.sleep(0.001)
    add(11)
    assert calls[-1] == [11]


def test_measured_rows_are_as_the_training_had_them(manifest: Manifest) -> None:
    found = batches.sample(manifest, penguin_columns(1), 50)
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(penguin_columns(1), 50)
    assert len(set(found["island"])) > 1
