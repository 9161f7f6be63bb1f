from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import holdout

Spec = Callable[..., ModelSpec]
BY_ID = HoldoutRule(by="hash", columns=("id",), fraction=0.2)


def ids(numbers: Any) -> Any:
    return pa.table({"id": [str(number) for number in numbers]})


def test_a_row_stays_on_its_side_when_others_come_and_go() -> None:
    before = dict(zip(range(1000), holdout.members(ids(range(1000)), BY_ID), strict=True))
    later = [*range(1500, 900, -1), 5, 3]
    after = dict(zip(later, holdout.members(ids(later), BY_ID), strict=True))
    assert all(before[number] == after[number] for number in before.keys() & after.keys())


def test_the_share_held_out_is_about_the_fraction() -> None:
    assert 0.17 < holdout.members(ids(range(5000)), BY_ID).mean() < 0.23


def test_a_larger_fraction_only_adds_rows() -> None:
    small = holdout.members(ids(range(500)), BY_ID)
    large = holdout.members(ids(range(500)), BY_ID.model_copy(update={"fraction": 0.4}))
    assert (large[small]).all()
    assert large.sum() > small.sum()


def test_the_same_key_is_held_out_from_csv_and_from_typed_columns() -> None:
    typed = pa.table({"id": list(range(200))})
    assert (holdout.members(typed, BY_ID) == holdout.members(ids(range(200)), BY_ID)).all()


def test_neighbouring_texts_of_two_columns_are_kept_apart() -> None:
    rule = HoldoutRule(by="hash", columns=("a", "b"), fraction=0.5)
    left = pa.table({"a": [f"{n}x" for n in range(200)], "b": ["y"] * 200})
    right = pa.table({"a": [str(n) for n in range(200)], "b": ["xy"] * 200})
    assert (holdout.members(left, rule) != holdout.members(right, rule)).any()


def test_a_group_goes_to_one_side_as_a_whole(spec: Spec) -> None:
    rule = holdout.rule(spec(group="site"), ["id", "site", "kind"], None)
    assert rule.columns == ("site",)


def test_without_key_every_column_decides(spec: Spec) -> None:
    assert holdout.rule(spec(key=[]), ["b", "a"], None).columns == ("a", "b")


def test_with_an_event_time_the_latest_rows_are_held_out(spec: Spec) -> None:
    times = [f"2024-01-{day:02}" for day in range(1, 31)]
    order = np.array(times, dtype="datetime64[us]")
    rule = holdout.rule(spec(event_time="seen"), ["seen"], order)
    found = holdout.members(pa.table({"seen": times}), rule)
    assert found.tolist() == [False] * 24 + [True] * 6


def check(spec: Spec, held: int, kept: list[int], **changes: Any) -> None:
    target = np.array([0] * held + kept)
    held_out = np.arange(len(target)) < held
    holdout.check(held_out, target, ("a", "b"), spec(**changes))


@pytest.mark.parametrize(
    ("held", "kept", "changes", "message"),
    [
        pytest.param(9, [0, 1] * 20, {}, "the holdout has 9 rows and needs 10", id="small holdout"),
        pytest.param(20, [0, 1], {}, "2 rows are left to train on, and 3 folds need 6", id="few to train on"),
        pytest.param(20, [0] * 20 + [1], {}, "class 'b' of column 'kind' has 1 rows to train on", id="rare class"),
        pytest.param(20, [0, 1] * 20, {"metric": "roc_auc"}, "class 'b' .* is not in the holdout", id="class unseen"),
    ],
)
def test_too_few_rows_on_a_side_are_refused(
    spec: Spec, held: int, kept: list[int], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        check(spec, held, kept, **changes)
