from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.snapshot import Snapshot
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.holdouts import count_use
from mlyard_training_pipeline.tracking.references import TrainingRun

START = datetime(2026, 1, 1, tzinfo=UTC)
BY_ID = HoldoutRule(by="hash", columns=("id",), fraction=0.2)


@pytest.fixture
def begin(context: Context) -> Callable[[str], TrainingRun]:
    """Begin a training of a model."""

    def training(model: str) -> TrainingRun:
        number = len(context.tracking.running(model, "training"))
        run = context.tracking.open_training(model, f"cli-{number}", {})
        taken = Snapshot(sha256="0" * 64, run_id="s", rows=1, taken_at=START)
        return TrainingRun(model=model, run_id=run.info.run_id, snapshot=taken)

    return training


def by_time(day: int, **more: Any) -> HoldoutRule:
    boundary = START + timedelta(days=day)
    return HoldoutRule(by="time", columns=("day",), fraction=0.2, boundary=boundary, **more)


def test_each_training_that_looks_counts_once(context: Context, begin: Callable[[str], TrainingRun]) -> None:
    runs = [begin("counted") for _ in range(3)]
    found = [count_use(context, run, BY_ID, target="kind", until=None) for run in runs]
    assert found == [1, 2, 3]
    # A step that is tried again looks at nothing new.
    assert count_use(context, runs[0], BY_ID, target="kind", until=None) == 3


def test_a_larger_share_by_the_same_hash_holds_out_the_same_rows(
    context: Context, begin: Callable[[str], TrainingRun]
) -> None:
    first, larger, other, target = (begin("shares") for _ in range(4))
    assert count_use(context, first, BY_ID, target="kind", until=None) == 1
    more = BY_ID.model_copy(update={"fraction": 0.3})
    assert count_use(context, larger, more, target="kind", until=None) == 2
    by_name = BY_ID.model_copy(update={"columns": ("name",)})
    assert count_use(context, other, by_name, target="kind", until=None) == 1
    assert count_use(context, target, BY_ID, target="size", until=None) == 1


def test_of_times_those_count_that_reach_into_the_holdout(
    context: Context, begin: Callable[[str], TrainingRun]
) -> None:
    def use(boundary: int, until: int) -> int:
        rule, latest = by_time(boundary), START + timedelta(days=until)
        return count_use(context, begin("times"), rule, target="kind", until=latest)

    assert [use(80, 100), use(90, 110), use(100, 120), use(105, 130)] == [1, 2, 3, 3]
