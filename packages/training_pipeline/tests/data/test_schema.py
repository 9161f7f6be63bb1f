from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared import features
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.data.schema import feature_reference

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


def test_categories_are_those_of_the_training_rows(spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    held_out = table.read(pa.table(columns), spec()).held_out
    rare = int(np.flatnonzero(held_out)[0])
    columns["colour"] = ["violet" if row == rare else cell for row, cell in enumerate(columns["colour"])]
    colour = {column.name: column for column in table.read(pa.table(columns), spec()).schema.columns}["colour"]
    assert colour.categories == ("blue", "green", "red")


def test_examples_are_one_real_training_row_without_nulls(spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    read = table.read(pa.table(columns), spec())
    examples = {column.name: column.example for column in read.schema.columns}
    row = columns["size"].index(str(examples["size"]))
    assert not read.held_out[row]
    assert columns["colour"][row] == examples["colour"]
    assert columns["count"][row] == str(examples["count"])
    assert isinstance(examples["new"], bool)
    assert str(examples["seen"]).endswith("+00:00")


def test_the_hour_counts_only_where_times_vary(spec: Spec, mixed: Mixed) -> None:
    columns = mixed()
    assert "hour" in table.read(pa.table(columns), spec()).schema.parts("seen")
    columns["seen"] = [cell and cell[:10] for cell in columns["seen"]]
    parts = table.read(pa.table(columns), spec()).schema.parts("seen")
    assert parts == ("month", "day", "weekday")


def test_a_date_part_that_has_the_name_of_a_column_is_refused(spec: Spec, mixed: Mixed) -> None:
    columns = mixed() | {"seen.day": [str(row % 7) for row in range(240)]}
    with pytest.raises(TableError, match=r"seen.day"):
        table.read(pa.table(columns), spec())


def test_the_reference_counts_every_training_row(spec: Spec, mixed: Mixed) -> None:
    read = table.read(pa.table(mixed()), spec())
    training = ~read.held_out
    references = {
        reference.column: reference for reference in feature_reference(read.columns, read.schema, training=training)
    }
    for reference in references.values():
        assert reference.rows == training.sum()
        assert sum(reference.counts) + reference.missing == reference.rows
    assert len(references["size"].counts) == 10
    assert references["new"].edges == (0.0, 0.5, 1.0)
    assert references["colour"].categories == ("blue", "green", "red")
    assert references["seen"].edges[0] >= 19_723  # 2024-01-01, in days since 1970


def test_the_matrix_is_numbers_alone_where_there_is_no_category(regression: Spec, mixed: Mixed) -> None:
    made = regression(features={"use": ["size", "seen"]})
    read = table.read(pa.table(mixed()), made)
    assert read.matrix.dtype == np.float64
    assert features.input_names(read.schema)[0] == "size"
