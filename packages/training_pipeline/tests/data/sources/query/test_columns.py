"""Databases that do not name the types of a result: SQLite, whose cells have types of their own."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_training_pipeline.data.sources.query import reader, spill
from mlyard_training_pipeline.data.sources.query.columns import inferred

Made = Callable[..., str]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return the URL of a SQLite file with a table `t` of one column."""

    def make(*values: object) -> str:
        file = tmp_path / "w.db"
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE t (a)")
            connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
        connection.close()
        return f"sqlite:///{file}"

    return make


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        pytest.param([1, None, 2**53 + 1], pa.int64(), [1, None, 2**53 + 1], id="integers"),
        pytest.param([1, 0.5, None], pa.float64(), [1.0, 0.5, None], id="integers and floats"),
        pytest.param([None, "x"], pa.string(), [None, "x"], id="texts"),
        pytest.param([1, "NA", 2.5], pa.string(), ["1", None, "2.5"], id="numbers and texts"),
        pytest.param([None, None], pa.string(), [None, None], id="nulls"),
        pytest.param([b"x", None], pa.binary(), [b"x", None], id="bytes"),
    ],
)
@pytest.mark.parametrize("apart", [0, 1000])
def test_a_column_has_the_type_of_its_values_wherever_they_stand(
    ask: Any, made: Made, monkeypatch: pytest.MonkeyPatch, values: list[Any], kind: Any, expected: list[Any], apart: int
) -> None:
    monkeypatch.setattr(reader, "_CELLS", 100)
    monkeypatch.setattr(spill, "_IN_MEMORY", 1000)
    between = [None] * apart
    found = ask(made(*(cell for value in values for cell in [*between, value])), "SELECT a FROM t ORDER BY rowid")
    assert found.schema.types == [kind]
    assert found["a"].to_pylist() == [cell for value in expected for cell in [*between, value]]


def test_a_text_that_is_not_utf_8_is_one_sentence(ask: Any, said: Any) -> None:
    assert "UTF-8" in said(TableError, lambda: ask("sqlite://", "SELECT CAST(x'ff' AS TEXT) AS a"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param([True, None], pa.bool_(), id="booleans"),
        pytest.param([Decimal("1.25"), None, Decimal(100)], pa.decimal128(5, 2), id="decimals"),
        pytest.param([Decimal("1.25"), 2.5], pa.float64(), id="decimals and floats"),
        pytest.param([Decimal("NaN"), Decimal(1)], pa.float64(), id="decimal NaN"),
        pytest.param([2**64 - 1, 1], pa.decimal128(20, 0), id="unsigned integers"),
        pytest.param([date(2024, 1, 1)], pa.date32(), id="dates"),
        pytest.param([date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"), id="moments"),
        pytest.param([time(1)], pa.time64("us"), id="times"),
        pytest.param([timedelta(1)], pa.duration("us"), id="spans"),
        pytest.param([UUID(int=1)], pa.string(), id="uuids"),
        pytest.param([{"a": 1}, [date(2024, 1, 1)]], pa.binary(), id="documents"),
        pytest.param([memoryview(b"x"), bytearray(b"y")], pa.binary(), id="bytes"),
        pytest.param([date(2024, 1, 1), "soon"], pa.string(), id="dates and texts"),
    ],
)
def test_values_of_drivers_have_types(values: list[Any], kind: Any) -> None:
    assert inferred("a", values, first=1).type == kind


def test_values_of_no_known_type_are_refused() -> None:
    with pytest.raises(TableError, match="column 'a' holds complex, which is not read: CAST it in the query"):
        inferred("a", [1j], first=1)
