import random
from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pytest
from mlyard_shared.features import MISSING, date_part, input_names, inputs, matrix
from mlyard_shared.schema import Column, DateExpansion, DatePart, Schema

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
        Column(name="kind", type="category", nullable=True, categories=("a", "b")),
    ),
    dates=(DateExpansion(column="day", parts=("year", "weekday")),),
)
COLUMNS = {
    "kind": np.array(["a", None], dtype=object),
    "day": np.array(["2024-02-29", "NaT"], dtype="datetime64[us]"),
    "size": np.array([3, np.nan]),
}


def test_columns_become_inputs_in_the_schemas_order() -> None:
    result = inputs(COLUMNS, SCHEMA)
    assert tuple(result) == input_names(SCHEMA) == ("size", "day.year", "day.weekday", "kind")
    assert [array.dtype for array in result.values()] == [np.float64] * 3 + [object]
    np.testing.assert_array_equal(result["day.weekday"], [3, np.nan])
    assert result["kind"].tolist() == ["a", MISSING]


def test_a_matrix_of_numbers_and_texts_keeps_both() -> None:
    result = matrix(inputs(COLUMNS, SCHEMA))
    assert result.dtype == np.dtype(object)
    assert result.shape == (2, 4)
    assert result[0].tolist() == [3.0, 2024.0, 3.0, "a"]


def test_a_matrix_of_numbers_is_float64() -> None:
    result = matrix({"a": np.array([1.0, 2.0]), "b": np.array([np.nan, 4.0])})
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [[1, np.nan], [2, 4]])
