import random
from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pytest
from mlyard_shared.columns import MISSING
from mlyard_shared.features import Layout, Table, codes, date_part, matrix, twin_inputs
from mlyard_shared.schema import Column, DateExpansion, DatePart, InputForm, Schema

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - NumPy's dates carry no zone; all are UTC here
EXPECTED = {
    "year": lambda d: d.year,
    "month": lambda d: d.month,
    "day": lambda d: d.day,
    "weekday": lambda d: d.weekday(),
    "hour": lambda d: d.hour,
    "minute": lambda d: d.minute,
    "day_of_year": lambda d: d.timetuple().tm_yday,
    "days_since_epoch": lambda d: (d - EPOCH) / timedelta(days=1),
}
SPECIAL = [
    "1969-12-31T23:59:59.999999",
    "1970-01-01",
    "1900-02-28T23:59",
    "2000-02-29T12:30",
    "2024-12-31",
    "0001-01-01",
]


def dates() -> list[datetime]:
    chosen = random.Random(7)
    span = 400 * 365 * 86_400
    return [
        *(datetime.fromisoformat(text) for text in SPECIAL),
        *(EPOCH + timedelta(seconds=chosen.uniform(-span, span)) for _ in range(500)),
    ]


@pytest.mark.parametrize("part", get_args(DatePart))
def test_each_part_of_a_date_is_the_calendars(part: DatePart) -> None:
    values = np.array(dates(), dtype="datetime64[us]")
    np.testing.assert_allclose(date_part(values, part), [EXPECTED[part](date) for date in dates()], rtol=0, atol=1e-9)


@pytest.mark.parametrize("part", get_args(DatePart))
@pytest.mark.parametrize("unit", ["ns", "ms", "s"])
def test_the_unit_of_the_dates_does_not_matter(part: DatePart, unit: str) -> None:
    values = np.array(["1969-07-20T20:17:00", "NaT"], dtype=f"datetime64[{unit}]")
    expected = EXPECTED[part](datetime(1969, 7, 20, 20, 17, tzinfo=UTC).replace(tzinfo=None))
    np.testing.assert_array_equal(date_part(values, part), [expected, np.nan])


SCHEMA = Schema(
    columns=(
        Column(name="size", type="integer", nullable=True),
        Column(name="day", type="datetime", nullable=True),
        Column(name="kind", type="category", nullable=True, categories=("a", "b", "é"), unseen="accept"),
        Column(name="new", type="boolean", nullable=True),
        Column(name="zone", type="category", nullable=False, categories=("x",)),
    ),
    dates=(DateExpansion(column="day", parts=("year", "weekday")),),
)
COLUMNS = {
    "zone": np.array(["x", "x", "x", "x"], dtype=object),
    "new": np.array([1.0, 0.0, np.nan, 1.0]),
    "kind": np.array(["b", None, "unseen", "é"], dtype=object),
    "day": np.array(["2024-02-29", "NaT", "1969-12-31T23:59:59.999999", "2024-02-29"], dtype="datetime64[us]"),
    "size": np.array([2**24 + 1, np.nan, -0.0, 7]),
}
DOUBLE = InputForm(encoding="codes", precision="float64")
SINGLE = InputForm(encoding="codes", precision="float32")
TEXT = InputForm(encoding="text", precision="float64")
NAN = np.nan
EXPECTED_CODES = [
    [2**24 + 1, 2024, 3, 1, 1, 0],
    [NAN, NAN, NAN, 3, 0, 0],
    [0, 1969, 2, -1, NAN, 0],
    [7, 2024, 3, 2, 1, 0],
]


def test_columns_become_one_matrix_of_numbers_in_the_schemas_order() -> None:
    assert SCHEMA.input_names == ("size", "day.year", "day.weekday", "kind", "new", "zone")
    result = matrix(COLUMNS, SCHEMA, DOUBLE)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, EXPECTED_CODES)


def test_a_category_is_its_position_null_the_number_after_and_what_is_unseen_minus_one() -> None:
    column = SCHEMA.columns[2]
    np.testing.assert_array_equal(codes(column, COLUMNS["kind"]), [1, 3, -1, 2])


def test_a_category_is_told_by_its_text_and_nothing_like_it() -> None:
    column = Column(name="c", type="category", nullable=False, categories=("", "1", "None", "é"))
    values = np.array(["", "1", "None", "é", "e\u0301", "1.0", "none", " "], dtype=object)
    np.testing.assert_array_equal(codes(column, values), [0, 1, 2, 3, -1, -1, -1, -1])


@pytest.mark.parametrize("number", [2**24 + 1, 0.1, 1e-45, 1e-46, 16_777_219, 3.4028234663852886e38, 1e8 + 4])
def test_numbers_of_trees_are_rounded_to_float32(number: float) -> None:
    schema = Schema(columns=(Column(name="a", type="number", nullable=False),))
    result = matrix({"a": np.array([number])}, schema, SINGLE)
    assert result.dtype == np.float32
    assert result[0, 0] == np.float32(number)
    assert matrix({"a": np.array([number])}, schema, DOUBLE)[0, 0] == number


def test_the_parts_of_dates_and_the_codes_are_rounded_too() -> None:
    result = matrix(COLUMNS, SCHEMA, SINGLE)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.array(EXPECTED_CODES, dtype=np.float32))


@pytest.mark.parametrize("form", [SINGLE, DOUBLE], ids=["float32", "float64"])
def test_a_twin_takes_the_very_matrix_that_scikit_learn_takes(form: InputForm) -> None:
    [(name, values)] = twin_inputs(COLUMNS, SCHEMA, form).items()
    assert name == "inputs"
    assert values.dtype == np.dtype(form.precision)
    np.testing.assert_array_equal(values, matrix(COLUMNS, SCHEMA, form))


def test_one_row_and_many_rows_give_the_same_numbers() -> None:
    for form in (SINGLE, DOUBLE):
        whole = matrix(COLUMNS, SCHEMA, form)
        for row in range(4):
            one = matrix({name: values[row : row + 1] for name, values in COLUMNS.items()}, SCHEMA, form)
            np.testing.assert_array_equal(one[0], whole[row])


def test_no_rows_are_an_empty_matrix() -> None:
    empty = {name: values[:0] for name, values in COLUMNS.items()}
    assert matrix(empty, SCHEMA, SINGLE).shape == (0, 6)
    assert matrix(empty, SCHEMA, TEXT).shape == (0, 6)


def test_contract_1_has_texts_in_a_matrix_of_objects() -> None:
    result = matrix(COLUMNS, SCHEMA, TEXT)
    assert result.dtype == np.dtype(object)
    assert result[0].tolist() == [2**24 + 1, 2024.0, 3.0, "b", 1.0, "x"]
    assert result[:, 3].tolist() == ["b", MISSING, "unseen", "é"]


def test_contract_1_has_float64_where_all_are_numbers() -> None:
    schema = Schema(columns=tuple(Column(name=name, type="number", nullable=True) for name in "ab"))
    result = matrix({"a": np.array([0.1, 2.0]), "b": np.array([np.nan, 4.0])}, schema, TEXT)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [[0.1, np.nan], [2, 4]])


def test_contract_1_has_one_input_a_column_in_its_twin() -> None:
    inputs = twin_inputs(COLUMNS, SCHEMA, TEXT)
    assert list(inputs) == ["x0", "x1", "x2", "x3", "x4", "x5"]
    assert {values.shape for values in inputs.values()} == {(4, 1)}
    assert [values.dtype for values in inputs.values()] == [*[np.float64] * 3, object, np.float64, object]
    assert inputs["x3"][:, 0].tolist() == ["b", MISSING, "unseen", "é"]


def test_what_came_is_left_as_it_was() -> None:
    before = {name: values.copy() for name, values in COLUMNS.items()}
    for form in (SINGLE, DOUBLE, TEXT):
        matrix(COLUMNS, SCHEMA, form)
        twin_inputs(COLUMNS, SCHEMA, form)
    for name, values in before.items():
        np.testing.assert_array_equal(COLUMNS[name], values)


def table(columns: dict[str, np.ndarray], schema: Schema = SCHEMA) -> Table:
    layout = Layout(schema)
    block = np.array([columns[column.name] for column in layout.numbers]).reshape(len(layout.numbers), -1)
    return Table(layout, block, {column.name: columns[column.name] for column in layout.others})


@pytest.mark.parametrize("form", [SINGLE, DOUBLE, TEXT], ids=["float32", "float64", "text"])
def test_a_table_gives_the_very_matrix_that_its_columns_give(form: InputForm) -> None:
    found, expected = matrix(table(COLUMNS), SCHEMA, form), matrix(COLUMNS, SCHEMA, form)
    assert found.dtype == expected.dtype
    assert found.flags.c_contiguous
    # As texts, in which NaN is NaN and each number is told by all of its digits.
    assert str(found.tolist()) == str(expected.tolist())
    for name, values in twin_inputs(COLUMNS, SCHEMA, form).items():
        assert str(twin_inputs(table(COLUMNS), SCHEMA, form)[name].tolist()) == str(values.tolist())


@pytest.mark.parametrize("form", [SINGLE, DOUBLE], ids=["float32", "float64"])
def test_a_table_of_numbers_alone_is_its_block(form: InputForm) -> None:
    schema = Schema(columns=tuple(Column(name=name, type="number", nullable=True) for name in "ab"))
    given = table({"a": np.array([0.1, 2.0, np.nan]), "b": np.array([-0.0, 4.0, 5.0])}, schema)
    found = matrix(given, schema, form)
    np.testing.assert_array_equal(found, np.array([[0.1, -0.0], [2, 4], [np.nan, 5]], dtype=form.precision))
    assert np.signbit(found[0, 1])
    assert found.flags.c_contiguous
    found[:] = 7
    assert given["a"][0] == 0.1


def test_a_table_is_its_columns() -> None:
    given = table(COLUMNS)
    assert list(given) == [column.name for column in SCHEMA.columns]
    assert (len(given), given.count) == (5, 4)
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(given[name], values)
    with pytest.raises(KeyError):
        given["other"]


def test_tables_are_joined_row_by_row() -> None:
    given = table(COLUMNS)
    parts = [
        Table(given.layout, given.block[:, rows], {name: values[rows] for name, values in given.others.items()})
        for rows in (slice(0, 1), slice(1, 1), slice(1, 4))
    ]
    joined = Table.joined(parts)
    np.testing.assert_array_equal(matrix(joined, SCHEMA, DOUBLE), matrix(COLUMNS, SCHEMA, DOUBLE))


def test_null_has_its_code_where_the_training_had_none_too() -> None:
    column = Column(name="c", type="category", nullable=False, categories=("a", "b"))
    assert codes(column, np.array([None, "b", "c", None], dtype=object)).tolist() == [2, 1, -1, 2]
