from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared import features
from mlyard_shared.errors import TableError
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]
Made = Callable[[Any, ModelSpec], Dataset]
CODES32 = InputForm(encoding="codes", precision="float32")


@pytest.fixture
def found(made: Made, spec: Spec, mixed: Mixed) -> Dataset:
    return made(mixed(), spec())


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("some", [False, True], ids=["all rows", "rows held out"])
def test_the_matrix_is_bit_for_bit_what_features_make_of_the_columns(
    found: Dataset, precision: Literal["float32", "float64"], some: bool
) -> None:
    rows = found.held_out if some else None
    made = found.matrix(rows, precision=precision)
    form = InputForm(encoding="codes", precision=precision)
    expected = features.matrix(found.columns(rows), found.schema, form)
    assert made.dtype == expected.dtype == precision
    assert made.shape == (int(found.held_out.sum()) if some else 240, len(found.schema.input_names))
    assert made.tobytes() == expected.tobytes()


def test_columns_are_what_the_table_held(found: Dataset, mixed: Mixed) -> None:
    columns = found.columns()
    table = mixed()
    assert [value if value is None else str(value) for value in columns["colour"]] == table["colour"]
    assert [None if np.isnan(value) else f"{value:g}" for value in columns["size"]] == [
        cell and f"{float(cell):g}" for cell in table["size"]
    ]
    assert columns["seen"].dtype == "datetime64[us]"
    assert [None if np.isnat(value) else str(value)[:16] for value in columns["seen"]] == table["seen"]


def test_a_category_that_was_not_in_training_has_the_code_of_unseen_ones(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    rare = int(np.flatnonzero(made(columns, spec()).held_out)[0])
    columns["colour"] = ["violet" if row == rare else cell for row, cell in enumerate(columns["colour"])]
    found = made(columns, spec())
    position = found.schema.input_names.index("colour")
    assert found.matrix(precision="float32")[rare, position] == -1


def test_a_champions_columns_are_read_by_its_own_types(found: Dataset) -> None:
    asked = found.held_out
    schema = Schema(
        columns=(
            Column(name="count", type="category", nullable=True, categories=("1", "2", "3")),
            Column(name="amount", type="number", nullable=False),
            Column(name="colour", type="category", nullable=True, categories=("green", "red"), unseen="accept"),
        )
    )
    columns = found.columns_for(schema, asked)
    assert set(map(type, columns["count"])) == {str}
    assert columns["amount"].dtype == np.float64
    assert set(features.matrix(columns, schema, CODES32)[:, 2]) == {-1, 0, 1, 2}


def test_a_champion_whose_columns_are_gone_or_changed_is_not_asked(found: Dataset) -> None:
    def asked(name: str, kind: Any) -> Schema:
        dates = [{"column": name, "parts": ["year"]}] if kind == "datetime" else []
        return Schema.model_validate({"columns": [{"name": name, "type": kind, "nullable": True}], "dates": dates})

    with pytest.raises(TableError, match="the table has no column 'gone' any more"):
        found.columns_for(asked("gone", "number"), found.held_out)
    with pytest.raises(TableError, match=r"column 'colour', row \d+: '\w+' is not of type number"):
        found.columns_for(asked("colour", "number"), found.held_out)


def test_arrays_are_mapped_and_not_read(found: Dataset) -> None:
    for array in (found.target, found.held_out):
        base = array
        while base.base is not None and not isinstance(base, np.memmap):
            base = base.base
        assert isinstance(base, np.memmap)
        assert not array.flags.writeable
    assert found.order is None
    assert found.groups is None


def test_order_and_groups_are_those_of_the_rows(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed() | {"day": [f"2024-01-{row % 28 + 1:02}T00:00:00+01:00" for row in range(240)]}
    timed = made(columns, spec(event_time="day"))
    assert timed.order is not None
    assert timed.order.dtype == np.int64
    assert timed.order[1] == np.datetime64("2024-01-01T23:00", "us").astype(np.int64)
    grouped = made(columns, spec(group="day"))
    assert grouped.groups is not None
    assert grouped.groups.dtype == np.int32
    assert len(set(grouped.groups)) == 28
    assert grouped.groups[0] == grouped.groups[28]


def test_the_same_table_from_texts_and_from_types_is_the_same_matrix(made: Made, spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    typed = pa.table(
        {
            **columns,
            "id": pa.array([float(text) for text in columns["id"]]),
            "size": pa.array([None if text is None else float(text) for text in columns["size"]]),
            "count": pa.array([int(text) for text in columns["count"]], pa.int16()),
            "new": pa.array([None if text is None else text == "true" for text in columns["new"]]),
            "seen": pa.array([text and np.datetime64(text, "ns").astype(object) for text in columns["seen"]])
            .cast(pa.timestamp("ns"))
            .cast(pa.timestamp("ns", "Europe/Berlin")),
        }
    )
    texts, types = made(columns, spec()), made(typed, spec())
    assert (texts.held_out == types.held_out).all()
    assert texts.schema == types.schema
    assert texts.matrix(precision="float64").tobytes() == types.matrix(precision="float64").tobytes()


def test_rows_that_the_same_rule_held_out_are_known_without_the_table(
    found: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> Path:
        raise AssertionError

    monkeypatch.setattr(found, "_snapshot", never)
    assert found.members(found.rule.model_copy(), never) is found.held_out
