from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]
Made = Callable[[Any, ModelSpec], Dataset]
BY_ROW: dict[str, Any] = {"key": [], "holdout": {"by": "row"}}


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([{"a": 1}] * 240), id="records"),
        pytest.param(pa.array([[1]] * 240), id="lists"),
        pytest.param(pa.array([b"\xff"] * 240), id="octets"),
        pytest.param(pa.array([1] * 240, pa.time32("s")), id="times of day"),
    ],
)
@pytest.mark.parametrize(
    ("changes", "way_out"),
    [
        pytest.param({"key": ["odd"]}, "name another column, or make it a text", id="key"),
        pytest.param({"key": [], "group": "odd"}, "name another column, or make it a text", id="group"),
        pytest.param(BY_ROW, "name a key in place of holdout.by", id="row"),
    ],
)
def test_what_has_no_text_tells_no_rows_apart(
    made: Made, spec: Spec, mixed: Mixed, column: Any, changes: dict[str, Any], way_out: str
) -> None:
    table = pa.table(mixed()).append_column("odd", column)
    with pytest.raises(TableError, match=rf"column 'odd', which says which row it is, holds .*: {way_out}"):
        made(table, spec(**changes, features={"leave_out": ["amount", "odd"]}))


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        pytest.param([*map(str, range(239)), None], 240, id="text"),
        pytest.param([float("nan"), *map(float, range(239))], 1, id="NaN"),
        pytest.param([*range(100), None, *range(139)], 101, id="integer"),
    ],
)
def test_a_row_without_its_key_is_named(made: Made, spec: Spec, mixed: Mixed, cells: list[Any], row: int) -> None:
    with pytest.raises(TableError, match=rf"column 'id', which says which row it is: row {row} is empty"):
        made(mixed() | {"id": cells}, spec())


def test_every_column_may_hold_nulls_where_all_of_them_say_which_row_it_is(
    made: Made, spec: Spec, mixed: Mixed
) -> None:
    found = made(mixed(), spec(**BY_ROW))
    assert found.rule.columns == tuple(sorted(mixed()))
    assert 20 < found.held_out.sum() < 80


def test_no_group_is_on_both_sides(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed() | {"site": [row % 60 + 0.0 for row in range(240)]}
    found = made(columns, spec(group="site"))
    assert found.rule.columns == ("site",)
    assert found.groups is not None
    assert not set(found.groups[found.held_out]) & set(found.groups[~found.held_out])
    assert len(set(found.groups)) == 60
    texts = made(columns | {"site": [str(row % 60) for row in range(240)]}, spec(group="site"))
    assert np.array_equal(texts.held_out, found.held_out)
    assert texts.groups is not None
    assert np.array_equal(texts.groups, found.groups)


def test_an_event_time_that_is_not_a_date_is_named(made: Made, spec: Spec, mixed: Mixed) -> None:
    with pytest.raises(TableError, match=r"column 'day', row 2 .*: '32.01.2024' is not an ISO 8601 date"):
        made(mixed() | {"day": ["2024-01-31", "32.01.2024"] * 120}, spec(event_time="day"))
    with pytest.raises(TableError, match="column 'day' is stored as int64, which is not a date: name another column"):
        made(mixed() | {"day": list(range(240))}, spec(event_time="day"))
    with pytest.raises(TableError, match="column 'day', the event time: row 1 is empty"):
        made(mixed() | {"day": [None, "2024-01-31"] * 120}, spec(event_time="day"))


def test_a_stratified_holdout_has_the_share_of_each_class_that_was_asked_for(
    made: Made, spec: Spec, mixed: Mixed
) -> None:
    table = mixed()
    found = made(table, spec(holdout={"stratify": True, "fraction": 0.25}))
    for position in range(len(found.classes)):
        rows = found.target == position
        assert abs(found.held_out[rows].sum() - 0.25 * rows.sum()) <= 0.5
    assert found.members(found.rule, lambda: pytest.fail("of contract 1")).sum() <= found.held_out.sum()
    assert found.held_out[found.members(found.rule, lambda: pytest.fail("of contract 1"))].all()


def test_an_embargo_that_leaves_too_few_rows_is_named(made: Made, spec: Spec, mixed: Mixed) -> None:
    days = [str(np.datetime64("2024-01-01") + np.timedelta64(row, "D")) for row in range(240)]
    chosen = spec(key=[], event_time="day", holdout={"embargo": "52w"}, features={"leave_out": ["id"]})
    with pytest.raises(TableError, match=r"holdout\.embargo = '52w' leaves 0 rows to train on, .*: shorten it"):
        made(mixed() | {"day": days}, chosen)
