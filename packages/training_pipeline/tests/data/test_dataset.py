from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset as table

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


def test_a_mixed_table_is_read_with_types_nulls_and_categories(spec: Spec, mixed: Mixed) -> None:
    read = table.read(pa.table(mixed()), spec())
    described = {column.name: (column.type, column.nullable) for column in read.schema.columns}
    assert described == {
        "size": ("number", True),
        "count": ("integer", False),
        "new": ("boolean", True),
        "colour": ("category", True),
        "seen": ("datetime", True),
    }
    assert read.classes == ("large", "middle", "small")
    assert read.target.dtype == np.int64
    assert read.matrix.shape == (240, 8)  # the date becomes month, day, weekday and hour


def test_the_spec_chooses_features_and_types(spec: Spec, mixed: Mixed) -> None:
    made = spec(features={"use": ["colour", "count"], "types": {"count": "category"}})
    read = table.read(pa.table(mixed()), made)
    assert {column.name: column.type for column in read.schema.columns} == {"colour": "category", "count": "category"}


def test_key_group_and_event_time_are_no_features_unless_the_spec_uses_them(spec: Spec, mixed: Mixed) -> None:
    names = list(mixed())
    made = spec(group="colour", event_time="seen")
    assert table.feature_names(made, names) == ["size", "count", "new"]
    used = spec(group="colour", features={"use": ["colour", "size"]})
    assert table.feature_names(used, names) == ["colour", "size"]


@pytest.mark.parametrize(
    ("cells", "task", "classes"),
    [
        pytest.param(["1", "0"], "integers", (0, 1), id="integers"),
        pytest.param(["true", "false"], "booleans", (False, True), id="booleans"),
        pytest.param(["b", "a"], "texts", ("a", "b"), id="texts"),
    ],
)
def test_classes_keep_their_type(
    spec: Spec, mixed: Mixed, cells: list[str], task: str, classes: tuple[Any, ...]
) -> None:
    columns = mixed() | {"kind": cells * 120}
    assert table.read(pa.table(columns), spec()).classes == classes


def change(columns: dict[str, list[Any]], name: str, row: int, value: Any) -> dict[str, list[Any]]:
    cells = list(columns[name])
    cells[row] = value
    return columns | {name: cells}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"kind": ["a"] * 240}, "'kind', the target, has one class in every row", id="one class"),
        pytest.param(
            {"kind": [None] + ["a", "b"] * 119 + ["a"]}, "'kind', the target: row 1 is empty", id="null target"
        ),
        pytest.param({"kind": ["1.5", "2.5"] * 120}, 'use task = "regression"', id="numbers as classes"),
        pytest.param({"count": ["7"] * 240}, "'count' has one value in every row.*leave_out", id="constant"),
        pytest.param({"count": [None] * 240}, "'count' is empty.*leave_out", id="empty column"),
        pytest.param(
            {"colour": [f"text {n}" for n in range(240)]}, "240 different texts.*features.types.colour", id="texts"
        ),
        pytest.param({"id": [None] + ["1"] * 239}, "'id', which says which row it is: row 1 is empty", id="null key"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_the_way_out(
    spec: Spec, mixed: Mixed, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        table.read(pa.table(mixed() | changed), spec())


def test_a_column_that_the_table_lacks_is_named_with_the_nearest_one(spec: Spec, mixed: Mixed) -> None:
    with pytest.raises(TableError, match=r"target: the table has no column 'kinds'; did you mean 'kind'?"):
        table.read(pa.table(mixed()), spec(target="kinds"))
    with pytest.raises(TableError, match=r"features.leave_out: the table has no column 'amounts'"):
        table.read(pa.table(mixed()), spec(features={"leave_out": ["amounts"]}))


def test_a_regression_needs_numbers_that_differ(regression: Spec, mixed: Mixed) -> None:
    with pytest.raises(TableError, match="'kind', the target, holds category values"):
        table.read(pa.table(mixed()), regression(target="kind", features={"leave_out": ["amount"]}))
    with pytest.raises(TableError, match="one value in every row"):
        table.read(pa.table(mixed() | {"amount": ["1"] * 240}), regression())


def test_dates_and_unseen_name_columns_of_their_type_only(spec: Spec, mixed: Mixed) -> None:
    with pytest.raises(TableError, match=r"features.dates names 'count', which is no date"):
        table.read(pa.table(mixed()), spec(features={"leave_out": ["amount"], "dates": {"count": ["year"]}}))
    with pytest.raises(TableError, match=r"features.unseen names 'count', which is no category"):
        table.read(pa.table(mixed()), spec(features={"leave_out": ["amount"], "unseen": {"count": "accept"}}))
