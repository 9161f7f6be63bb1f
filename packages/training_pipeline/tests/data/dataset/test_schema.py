from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]
Made = Callable[[Any, ModelSpec], Dataset]


def test_categories_are_those_of_the_training_rows(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    rare = int(np.flatnonzero(made(columns, spec()).held_out)[0])
    columns["colour"] = ["violet" if row == rare else cell for row, cell in enumerate(columns["colour"])]
    colour = {column.name: column for column in made(columns, spec()).schema.columns}["colour"]
    assert colour.categories == ("blue", "green", "red")


def test_examples_are_one_real_training_row_without_nulls(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    found = made(columns, spec())
    examples = {column.name: column.example for column in found.schema.columns}
    row = columns["size"].index(str(examples["size"]))
    assert not found.held_out[row]
    assert columns["colour"][row] == examples["colour"]
    assert columns["count"][row] == str(examples["count"])
    assert isinstance(examples["new"], bool)
    assert examples["seen"] == f"{columns['seen'][row]}:00+00:00"


def test_an_example_is_null_only_where_no_row_is_full(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed() | {"size": [None, *(str(n) for n in range(238)), None]}
    columns["colour"] = [cell if row in (0, 239) else None for row, cell in enumerate(["red", *["x"] * 238, "blue"])]
    found = made(columns, spec(features={"use": ["size", "colour"]}, holdout={"fraction": 0.1}))
    examples = {column.name: column.example for column in found.schema.columns}
    assert list(examples.values()).count(None) == 1


def test_the_hour_counts_only_where_times_vary(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    assert made(columns, spec()).schema.parts("seen") == ("month", "day", "weekday", "hour")
    columns["seen"] = [cell and cell[:10] for cell in columns["seen"]]
    assert made(columns, spec()).schema.parts("seen") == ("month", "day", "weekday")
    columns["seen"] = [cell and f"{2020 + row % 3}{cell[4:]}" for row, cell in enumerate(columns["seen"])]
    assert made(columns, spec()).schema.parts("seen") == ("year", "month", "day", "weekday")


def test_a_date_that_never_varies_in_training_asks_for_a_decision(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed() | {"seen": [f"2024-01-01T10:{row % 60:02}" for row in range(240)]}
    with pytest.raises(TableError, match=r"'seen' has the same year, month, day, weekday and hour.*features.dates"):
        made(columns, spec())
    said = made(columns, spec(features={"leave_out": ["amount"], "dates": {"seen": ["minute"]}}))
    assert said.schema.parts("seen") == ("minute",)


def test_a_date_part_that_has_the_name_of_a_column_is_refused(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed() | {"seen.day": [str(row % 7) for row in range(240)]}
    with pytest.raises(TableError, match=r"seen.day"):
        made(columns, spec())


@pytest.mark.parametrize(
    ("cells", "rounded"),
    [
        pytest.param([str(1_699_999_438_912 + row) for row in range(240)], True, id="epoch milliseconds"),
        pytest.param([str(100_000_000 + row) for row in range(240)], True, id="cents near 1e8"),
        pytest.param([f"{row + 1e-9!r}" for row in range(240)], True, id="integers and a trifle"),
        pytest.param([str(16_777_216 - row) for row in range(240)], False, id="integers that float32 has"),
        pytest.param([f"{row}.8" for row in range(240)], False, id="decimals that both write alike"),
        pytest.param([f"{row}e-20" for row in range(240)], False, id="small ones"),
    ],
)
def test_a_column_that_loses_digits_as_float32_is_marked(
    made: Made, spec: Spec, mixed: Mixed, cells: list[str], rounded: bool
) -> None:
    found = made(mixed() | {"count": cells}, spec())
    assert {column.name: column.rounded for column in found.schema.columns}["count"] is rounded


def test_a_date_loses_digits_where_it_becomes_days(made: Made, spec: Spec, mixed: Mixed) -> None:
    for parts, rounded in ((["days_since_epoch"], True), (["year", "month"], False)):
        said = spec(features={"leave_out": ["amount"], "dates": {"seen": parts}})
        found = made(mixed(), said)
        assert {column.name: column.rounded for column in found.schema.columns}["seen"] is rounded
