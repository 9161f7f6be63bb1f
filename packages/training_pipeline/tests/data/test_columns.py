from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_training_pipeline.data.columns import infer_type, missing, text_of, values


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        pytest.param(["1", "-2", None], "integer", id="integers"),
        pytest.param(["1", "2.5", "1e3", ".5"], "number", id="numbers"),
        pytest.param(["true", "False", None], "boolean", id="booleans"),
        pytest.param(["2024-01-31", "2024-02-01T10:00:00Z"], "datetime", id="dates"),
        pytest.param(["a", "b"], "category", id="texts"),
        pytest.param([1, None], "integer", id="typed integers"),
        pytest.param([1.5], "number", id="typed numbers"),
        pytest.param([True], "boolean", id="typed booleans"),
        pytest.param([date(2024, 1, 1)], "datetime", id="typed dates"),
    ],
)
def test_a_type_is_inferred_from_what_the_cells_hold(cells: list[Any], kind: str) -> None:
    assert infer_type("x", pa.array(cells)) == kind


def test_numbers_with_a_typing_error_are_refused_with_the_row_rather_than_taken_for_texts() -> None:
    cells = [str(n) for n in range(9)] + ["n/a"]
    with pytest.raises(TableError, match=r"column 'x', row 10: 'n/a' is not a number.*source.missing"):
        infer_type("x", pa.array(cells))


def test_codes_with_leading_zeros_ask_for_a_decision() -> None:
    with pytest.raises(TableError, match=r'features.types.x = "category"'):
        infer_type("x", pa.array(["10115", "20095", "80331", "50667", "01067"]))


def test_a_type_that_no_model_takes_is_refused() -> None:
    with pytest.raises(TableError, match=r"column 'x' holds list.*leave_out"):
        infer_type("x", pa.array([[1, 2]]))


def test_values_are_the_arrays_that_features_take() -> None:
    assert values("x", pa.array(["1", None, "+3"]), "integer").tolist()[::2] == [1.0, 3.0]
    assert values("x", pa.array(["true", None, "FALSE"]), "boolean").tolist()[::2] == [1.0, 0.0]
    assert values("x", pa.array(["a", None]), "category").tolist() == ["a", None]
    dates = values("x", pa.array(["2024-01-01T02:00:00+02:00", "2024-01-01", None]), "datetime")
    assert dates.dtype == "datetime64[us]"
    assert dates[0] == dates[1] == np.datetime64("2024-01-01")
    assert missing(dates).tolist() == [False, False, True]


def test_dates_with_a_zone_become_utc_from_typed_columns_too() -> None:
    zoned = pa.array([datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("s", tz="Europe/Berlin"))
    assert values("x", zoned, "datetime")[0] == np.datetime64("2024-01-01")


@pytest.mark.parametrize(
    ("cells", "kind", "message"),
    [
        pytest.param(["1", "x"], "number", "column 'x', row 2: the value is not a number", id="no number"),
        pytest.param(["1", "1.5", "2.5"], "integer", r"row 2 \(and 1 more rows\).*no integer", id="no integer"),
        pytest.param([1.0, float("inf")], "number", "row 2: the value is infinite", id="infinite"),
        pytest.param(["9007199254740993"], "integer", "beyond 2\\^53", id="too large"),
        pytest.param(["yes"], "boolean", "neither true nor false", id="no boolean"),
        pytest.param(["2024-13-01"], "datetime", "is not an ISO 8601 date", id="no date"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused_with_column_and_row(
    cells: list[Any], kind: Any, message: str
) -> None:
    with pytest.raises(TableError, match=message):
        values("x", pa.array(cells), kind)


def test_a_cell_has_the_same_text_from_csv_and_from_a_typed_column() -> None:
    assert text_of(pa.array([7, None])) == text_of(pa.array(["7", None]))
    assert text_of(pa.array([True])) == text_of(pa.array(["true"]))
