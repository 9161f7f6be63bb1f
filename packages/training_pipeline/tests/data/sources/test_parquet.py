import io
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

BIG = pa.table({"a": list(range(1000)), "b": ["x" * 100] * 1000})


def content(table: Any, **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


def pandas_content(frame: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


def test_types_stay_as_they_are_stored(read: Any) -> None:
    table = pa.table(
        {
            "i": pa.array([1, None], pa.int16()),
            "b": [True, None],
            "f": [0.5, float("nan")],
            "d": pa.array([1, 2], pa.date32()),
            "n": pa.array([1, 2], pa.decimal128(10, 2)),
            "s": pa.array([1, 2], pa.timestamp("ms")),
            "z": pa.array([1, 2], pa.timestamp("ns", tz="Europe/Berlin")),
            "l": pa.array([[1], None], pa.list_(pa.field("element", pa.int64()))),
            "o": [b"x", None],
            "t": pa.array([1, 2], pa.time32("ms")),
            "u": pa.array([1, 2], pa.duration("s")),
        }
    )
    found = read(table, name="t.parquet")
    assert found.schema.types == table.schema.types
    assert found.column("i").to_pylist() == [1, None]


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()), pa.string()]
)
def test_texts_are_texts_however_they_are_stored(read: Any, kind: Any) -> None:
    found = read(pa.table({"a": pa.array(["x", None, "y", "x"]).cast(kind)}), name="t.parquet")
    assert found.schema.types == [pa.string()]
    assert found["a"].to_pylist() == ["x", None, "y", "x"]


def test_categories_of_numbers_are_numbers(read: Any) -> None:
    found = read(pandas_content(pd.DataFrame({"a": pd.Categorical([3, 1, 3]), "b": [1, 2, 3]})), name="t.parquet")
    assert (found.schema.types, found["a"].to_pylist()) == ([pa.int64(), pa.int64()], [3, 1, 3])


def test_a_column_of_nulls_is_text(read: Any) -> None:
    assert read(pa.table({"a": pa.nulls(2), "b": [1, 2]}), name="t.parquet").schema.types == [pa.string(), pa.int64()]


def test_a_uuid_is_its_text(read: Any) -> None:
    ids = [uuid.UUID(int=5), None, uuid.UUID(int=2**127 + 1)]
    column = pa.array([None if one is None else one.bytes for one in ids], pa.uuid())
    found = read(pa.table({"a": pa.concat_arrays([column, column]).slice(1)}), name="t.parquet")
    assert found["a"].to_pylist() == [None if one is None else str(one) for one in (ids + ids)[1:]]


def test_a_document_is_not_a_text_and_a_boolean_of_eight_bits_is_one(read: Any) -> None:
    table = pa.table(
        {
            "a": pa.array(['{"x": 1}'], pa.json_()),
            "b": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())),
        }
    )
    assert read(table, name="t.parquet").schema.types == [pa.binary(), pa.bool_()]


def test_what_the_spec_calls_missing_is_null_in_texts(read: Any) -> None:
    table = pa.table(
        {"a": ["x", "-", None, "NA"], "c": pa.array(["-", "x", "-", "-"]).dictionary_encode(), "n": [1, 2, 3, 4]}
    )
    found = read(table, name="t.parquet", missing=["-"])
    assert found.to_pydict() == {"a": ["x", None, None, "NA"], "c": [None, "x", None, None], "n": [1, 2, 3, 4]}
    assert read(table, name="t.parquet")["a"].to_pylist() == ["x", "-", None, None]


def test_texts_keep_their_blanks(read: Any) -> None:
    assert read(pa.table({" a ": [" x "]}), name="t.parquet").to_pydict() == {" a ": [" x "]}


# --- times --------------------------------------------------------------------------------------------------------


def test_int96_is_the_right_date_beyond_2262(read: Any) -> None:
    moments = np.array(["9999-12-31", "0001-01-01", "2024-01-01T12:30:00.123456"], dtype="datetime64[us]")
    table = pa.table({"a": moments})
    for kept in (True, False):
        stored = content(table, use_deprecated_int96_timestamps=True, store_schema=kept)
        assert read(stored, name="t.parquet")["a"].to_numpy().tolist() == moments.tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_time_that_python_does_not_hold_is_passed_on(read: Any, unit: str) -> None:
    far = 300_000_000_000 * {"s": 1, "ms": 1000, "us": 1_000_000}[unit]
    found = read(pa.table({"a": pa.array([far, -far], pa.timestamp(unit))}), name="t.parquet")
    assert found["a"].cast(pa.int64()).cast(pa.string()).to_pylist()[0].startswith("300000000000")


# --- pandas' index ------------------------------------------------------------------------------------------------

FRAME = pd.DataFrame({"id": np.arange(100) * 3, "size": np.arange(100.0)})


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(FRAME, id="range"),
        pytest.param(FRAME.sample(frac=0.5, random_state=1), id="rows in another order"),
        pytest.param(FRAME[FRAME["id"] % 2 == 0], id="filtered"),
        pytest.param(pd.concat([FRAME, FRAME]), id="concatenated"),
        pytest.param(FRAME.set_index([pd.Index(np.arange(100)), pd.Index(np.arange(100))]), id="two levels"),
    ],
)
def test_an_index_without_name_is_not_a_column(read: Any, frame: pd.DataFrame) -> None:
    assert read(pandas_content(frame), name="t.parquet").column_names == ["id", "size"]


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(pd.RangeIndex(5, 305, 3, name="id"), id="range"),
        pytest.param(pd.RangeIndex(100, 0, -1, name="id"), id="range backwards"),
        pytest.param(pd.Index(np.arange(100) * 7, name="id"), id="numbers"),
        pytest.param(pd.Index([f"k{row}" for row in range(100)], name="id"), id="texts"),
    ],
)
def test_an_index_with_a_name_is_a_column(read: Any, index: pd.Index) -> None:
    found = read(pandas_content(FRAME.drop(columns="id").set_index(index)), name="t.parquet")
    assert sorted(found.column_names) == ["id", "size"]
    assert found["id"].to_pylist() == list(index)


def test_the_level_of_an_index_that_has_a_name_is_a_column(read: Any) -> None:
    frame = FRAME.set_index("id").set_index(pd.Index(np.arange(100)), append=True)
    assert sorted(read(pandas_content(frame), name="t.parquet").column_names) == ["id", "size"]


def test_a_stored_index_that_the_spec_names_is_a_column(read: Any) -> None:
    stored = pandas_content(FRAME.sample(frac=0.5, random_state=1))
    names = read(stored, name="t.parquet", changes={"key": ["__index_level_0__"], "features": {}}).column_names
    assert names == ["id", "size", "__index_level_0__"]


def test_a_range_of_another_length_is_not_a_column(read: Any) -> None:
    named = pa.Table.from_pandas(FRAME.set_index(pd.RangeIndex(100, name="row")))
    assert read(named.slice(10, 20), name="t.parquet").column_names == ["id", "size"]


@pytest.mark.parametrize(
    "told", [b"nonsense", b"[]", b"{}", b'{"index_columns": [1], "columns": null}', b'{"columns": [{}]}']
)
def test_what_another_writer_tells_of_pandas_does_not_matter(read: Any, told: bytes) -> None:
    table = pa.table({"a": [1], "__index_level_0__": [2]}).replace_schema_metadata({b"pandas": told})
    assert read(table, name="t.parquet").column_names == ["a"]


# --- files of a folder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "kind", "values"),
    [
        pytest.param(pa.array([1], pa.int32()), pa.array([2**40]), pa.int64(), [1, 2**40], id="integers"),
        pytest.param(pa.array([1], pa.uint8()), pa.array([-1], pa.int8()), pa.int64(), [1, -1], id="signs"),
        pytest.param(pa.array([1]), pa.array([1.5]), pa.float64(), [1.0, 1.5], id="integers and floats"),
        pytest.param(pa.array([1.5], pa.float32()), pa.array([0.1]), pa.float64(), [1.5, 0.1], id="floats"),
        pytest.param(pa.nulls(1), pa.array([2]), pa.int64(), [None, 2], id="nulls"),
        pytest.param(pa.nulls(1), pa.nulls(1), pa.string(), [None, None], id="nulls alone"),
        pytest.param(
            pa.array(["a"], pa.large_string()), pa.array(["b"]).dictionary_encode(), pa.string(), ["a", "b"], id="texts"
        ),
        pytest.param(pa.array(["a"], pa.string_view()), pa.array(["b"]), pa.string(), ["a", "b"], id="views"),
    ],
)
def test_types_of_several_files_are_joined(read: Any, first: Any, second: Any, kind: Any, values: list[Any]) -> None:
    found = read({"1.parquet": pa.table({"a": first}), "2.parquet": pa.table({"a": second})}, name="d")
    assert (found.schema.types, found["a"].to_pylist()) == ([kind], values)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        pytest.param(
            pa.array(["a"]), pa.array([1]), "d/2.parquet: column 'a' holds int64, but string in d/1.p", id="text"
        ),
        pytest.param(pa.array([True]), pa.array([1]), "column 'a' holds int64, but bool", id="boolean"),
        pytest.param(pa.array([[1]]), pa.array([1]), "column 'a' holds int64, but list", id="list"),
        pytest.param(
            pa.array([1], pa.timestamp("us")), pa.array([1], pa.timestamp("us", "UTC")), "write both", id="zone"
        ),
        pytest.param(
            pa.array([2**60 + 1]), pa.array([1.5]), "d/1.parquet: column 'a' has a value that does not fit", id="big"
        ),
    ],
)
def test_types_that_cannot_be_joined_are_refused(refused: Any, first: Any, second: Any, message: str) -> None:
    assert message in refused({"1.parquet": pa.table({"a": first}), "2.parquet": pa.table({"a": second})}, name="d")


def test_times_of_several_units_are_joined_without_wrapping(read: Any, refused: Any) -> None:
    seconds, nanoseconds = pa.array([253402300799], pa.timestamp("s")), pa.array([1_001], pa.timestamp("ns"))
    found = read({"1.parquet": pa.table({"a": seconds}), "2.parquet": pa.table({"a": nanoseconds})}, name="d")
    assert found["a"].to_numpy().astype(str).tolist() == ["9999-12-31T23:59:59.000000", "1970-01-01T00:00:00.000001"]
    far = pa.array([2**62], pa.timestamp("ms"))
    assert "does not fit timestamp" in refused(
        {"1.parquet": pa.table({"a": far}), "2.parquet": pa.table({"a": nanoseconds})}, name="d"
    )


def test_moments_of_several_zones_are_the_same_moments(read: Any) -> None:
    zones = [pa.array([1_700_000_000], pa.timestamp("s", zone)) for zone in ("UTC", "Europe/Berlin")]
    found = read({f"{number}.parquet": pa.table({"a": zone}) for number, zone in enumerate(zones)}, name="d")
    assert found["a"].to_pylist() == [datetime.fromtimestamp(1_700_000_000, UTC)] * 2


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        pytest.param(b"", "t.parquet is empty", id="empty"),
        pytest.param(b"nonsense", "t.parquet is not a Parquet file", id="another file"),
        pytest.param(b"a,b\n1,2\n", "t.parquet is not a Parquet file", id="CSV"),
        pytest.param(content(BIG)[:-3], "t.parquet is cut off", id="cut off"),
        pytest.param(b"PAR1", "t.parquet is damaged", id="beginning alone"),
        pytest.param(b"PAR1PAR1", "t.parquet is damaged", id="both ends alone"),
        pytest.param(content(BIG)[:20] + content(BIG)[-500:], "t.parquet is damaged", id="middle lost"),
        pytest.param(content(BIG)[:-100] + bytes(92) + content(BIG)[-8:], "t.parquet is damaged", id="end damaged"),
        pytest.param(b"PARE" + content(BIG)[4:-4] + b"PARE", "t.parquet is encrypted", id="encrypted"),
        pytest.param(
            content(BIG, compression="none", use_dictionary=False, write_page_checksum=True).replace(
                b"d\0\0\0xx", b"d\0\0\0xy", 1
            ),
            "t.parquet is damaged",
            id="checksum",
        ),
        pytest.param(content(pa.table({"": [1]})), "t.parquet: column 1 has no name", id="nameless"),
        pytest.param(
            content(pa.table([[1], [2]], names=["a", "a"])), "t.parquet has two columns named 'a'", id="duplicate"
        ),
        pytest.param(
            content(pa.table([[1], [2]], names=["é", "e\u0301"])), "differ only by the form of their", id="NFC"
        ),
        pytest.param(content(BIG.slice(0, 0)), "t.parquet has no rows", id="no rows"),
        pytest.param(
            content(pa.table({"a": pa.array([b"ok", b"\xed\xa0\x80"]).cast(pa.string(), safe=False)})),
            "t.parquet: column 'a', row 2 is not UTF-8",
            id="lone surrogate",
        ),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(refused: Any, stored: bytes, message: str) -> None:
    assert message in refused(stored, name="t.parquet")


def test_names_with_dots_are_names(read: Any) -> None:
    assert read(pa.table({"a.b": [1], "a": [2]}), name="t.parquet").to_pydict() == {"a.b": [1], "a": [2]}


def test_batches_stay_small_where_rows_are_large(spec: Any, tmp_path: Any) -> None:
    from mlyard_training_pipeline.data.sources import open_table

    parquet.write_table(
        pa.table({"a": ["x" * 50_000] * 1000}), tmp_path / "t.parquet", use_dictionary=False, compression="none"
    )
    rows = [batch.num_rows for batch in open_table(spec(source={"path": "t.parquet"}), tmp_path, {}).batches]
    assert max(rows) < 1000
    assert sum(rows) == 1000
