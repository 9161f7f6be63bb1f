from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import file_digest
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.data.sources import TableStream
from mlyard_training_pipeline.data.table import Table
from pyarrow import parquet


def digest(folder: Path, table: Any, sizes: Iterable[int] = ()) -> str:
    """Write a table in batches of these sizes, and all that is left in one more."""
    cuts = [0, *np.cumsum(list(sizes)).tolist(), table.num_rows]
    batches = [batch for start, end in pairwise(cuts) for batch in table.slice(start, end - start).to_batches()]
    written = encoding.write(TableStream(table.schema, iter(batches), "the table"), folder / "file.parquet")
    assert written.sha256 == file_digest(folder / "file.parquet")
    assert (written.rows, written.columns) == (table.num_rows, table.num_columns)
    assert written.bytes == (folder / "file.parquet").stat().st_size
    return written.sha256


def mixed(rows: int) -> Any:
    draw = np.random.default_rng(1)
    return pa.table(
        {
            "id": [str(row) for row in range(rows)],
            "x": draw.normal(size=rows),
            "colour": pa.array(draw.choice(["red", "green"], rows)),
            "rare": [None if row % 3 else f"text {row}" for row in range(rows)],
            "day": pa.array(draw.integers(0, 10**6, rows), pa.timestamp("s", "UTC")),
        }
    )


def test_the_same_rows_are_the_same_bytes_wherever_batches_end(tmp_path: Path) -> None:
    table = mixed(250_000)
    expected = digest(tmp_path, table)
    assert digest(tmp_path, table, [1, 99_999, 50_000]) == expected
    assert digest(tmp_path, table, [7] * 100) == expected
    assert digest(tmp_path, table, [200_000]) == expected
    assert digest(tmp_path, table.slice(1)) != expected
    assert [parquet.ParquetFile(tmp_path / "file.parquet").metadata.row_group(n).num_rows for n in range(3)] == [
        100_000,
        100_000,
        49_999,
    ]


def test_many_columns_make_small_row_groups(tmp_path: Path) -> None:
    digest(tmp_path, pa.table({f"x{n}": np.zeros(2_600) for n in range(2_000)}))
    assert parquet.read_metadata(tmp_path / "file.parquet").row_group(0).num_rows == 2_500


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_a_moment_has_one_form_whatever_its_unit_and_zone(tmp_path: Path, unit: str) -> None:
    def column(unit: str, zone: str) -> Any:
        return pa.table({"t": pa.array([datetime(2024, 1, 1, tzinfo=UTC), None], pa.timestamp(unit, zone))})

    assert digest(tmp_path, column(unit, "Asia/Tokyo")) == digest(tmp_path, column("us", "UTC"))


def test_a_moment_beyond_microseconds_is_kept_as_one_that_is_beyond(tmp_path: Path) -> None:
    digest(tmp_path, pa.table({"t": pa.array([2**62, -(2**62), 0], pa.timestamp("s"))}))
    kept = next(Table(tmp_path / "file.parquet").runs("t")).values.cast(pa.int64()).to_pylist()
    assert kept[0] > 253_402_300_800_000_000
    assert kept[1] < -62_135_596_800_000_000
    assert kept[2] == 0


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([[1], None]), id="list"),
        pytest.param(pa.array([{"a": 1}, None]), id="record"),
        pytest.param(pa.array([1, None], pa.duration("ns")), id="duration"),
        pytest.param(pa.array([1, None], pa.time64("us")), id="time of day"),
        pytest.param(pa.array([b"\xff", None]), id="octets"),
        pytest.param(pa.array([1, None], pa.uint8()), id="uint8"),
        pytest.param(pa.array(["1.5", None]).cast(pa.decimal128(5, 2)), id="decimal"),
        pytest.param(pa.array([date(2024, 1, 1), None]), id="date"),
        pytest.param(pa.array([0.5, None], pa.float16()), id="float16"),
    ],
)
def test_what_a_column_is_survives_the_file(tmp_path: Path, column: Any) -> None:
    digest(tmp_path, pa.table({"x": column}))
    stored = Table(tmp_path / "file.parquet").column("x")
    assert stored.kind == column.type
    assert next(stored.runs()).values.to_pylist() == column.to_pylist()


def test_a_column_that_no_file_keeps_is_named(tmp_path: Path) -> None:
    table = pa.table({"x": [1], "span": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    with pytest.raises(TableError, match=r"the table: column 'span' holds month_day_nano_interval"):
        digest(tmp_path, table)


def test_notes_and_nullability_of_the_source_do_not_count(tmp_path: Path) -> None:
    plain = pa.table({"x": [1, 2]})
    noted = plain.replace_schema_metadata({"pandas": "anything"})
    strict = plain.cast(pa.schema([pa.field("x", pa.int64(), nullable=False, metadata={"a": "b"})]))
    assert digest(tmp_path, plain) == digest(tmp_path, noted) == digest(tmp_path, strict)
    assert digest(tmp_path, pa.table({"x": pa.nulls(2)})) == digest(tmp_path, pa.table({"x": pa.nulls(2, pa.string())}))
