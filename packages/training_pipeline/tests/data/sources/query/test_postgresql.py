from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_training_pipeline.data.sources.query import reader

UTC = pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        pytest.param("1::int2", pa.int64(), 1, id="smallint"),
        pytest.param("1::int4", pa.int64(), 1, id="integer"),
        pytest.param("9007199254740993::int8", pa.int64(), 9007199254740993, id="bigint"),
        pytest.param("1.5::float4", pa.float64(), 1.5, id="real"),
        pytest.param("'NaN'::float8", pa.float64(), float("nan"), id="NaN"),
        pytest.param("1.25::numeric(10, 2)", pa.decimal128(10, 2), Decimal("1.25"), id="numeric with digits"),
        pytest.param("'NaN'::numeric(10, 2)", pa.decimal128(10, 2), None, id="numeric NaN"),
        pytest.param(
            "9007199254740993::numeric(20)", pa.decimal128(20, 0), Decimal(9007199254740993), id="large numeric"
        ),
        pytest.param("1.25::numeric", pa.float64(), 1.25, id="numeric"),
        pytest.param("1.25::numeric(50, 2)", pa.float64(), 1.25, id="numeric with many digits"),
        pytest.param("(SELECT avg(x) FROM generate_series(1, 2) AS x)", pa.float64(), 1.5, id="average"),
        pytest.param("'Infinity'::numeric", pa.float64(), float("inf"), id="infinite numeric"),
        pytest.param("true", pa.bool_(), True, id="boolean"),
        pytest.param("'x'::text", pa.string(), "x", id="text"),
        pytest.param("'x'::varchar(9)", pa.string(), "x", id="varchar"),
        pytest.param("'x'::char(3)", pa.string(), "x  ", id="char"),
        pytest.param(
            "'00000000-0000-0000-0000-000000000005'::uuid", pa.string(), f"{'0' * 8}-0000-0000-0000-{5:012}", id="uuid"
        ),
        pytest.param("'2024-02-29'::date", pa.date32(), date(2024, 2, 29), id="date"),
        pytest.param("'9999-12-31'::date", pa.date32(), date(9999, 12, 31), id="last date"),
        pytest.param("'0001-01-01'::date", pa.date32(), date(1, 1, 1), id="first date"),
        pytest.param(
            "'2024-02-29 12:30:00.123456'::timestamp", pa.timestamp("us"), "2024-02-29T12:30:00.123456", id="timestamp"
        ),
        pytest.param("'2024-02-29 12:30:00+05:30'::timestamptz", UTC, "2024-02-29T07:00:00.000000", id="timestamptz"),
        pytest.param("'{\"a\": 1}'::jsonb", pa.binary(), b'{"a": 1}', id="jsonb"),
        pytest.param("'[1]'::json", pa.binary(), b"[1]", id="json"),
        pytest.param("'ab'::bytea", pa.binary(), b"ab", id="bytea"),
        pytest.param("'127.0.0.1'::inet", pa.string(), "127.0.0.1", id="inet"),
        pytest.param("array[1, 2]", pa.binary(), b"[1, 2]", id="array"),
        pytest.param("NULL", pa.string(), None, id="null"),
    ],
)
def test_a_column_has_the_type_that_the_database_names(
    ask: Any, postgresql: str, monkeypatch: pytest.MonkeyPatch, value: str, kind: Any, expected: Any
) -> None:
    monkeypatch.setattr(reader, "_CELLS", 200)  # so that the first batches hold nothing but NULL
    query = f"SELECT a, g FROM generate_series(1, 1000) AS g LEFT JOIN (SELECT {value} AS a) v ON g > 900 ORDER BY g"
    found = ask(f"{postgresql}/postgres", query)
    assert found.schema.types == [kind, pa.int64()]
    assert found["a"].null_count >= 900
    last = found["a"][-1:]
    shown = str(last.to_numpy()[0]) if pa.types.is_timestamp(kind) else last[0].as_py()
    assert repr(shown) == repr(expected)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("'infinity'::date", id="infinite date"),
        pytest.param("'-infinity'::timestamp", id="infinite timestamp"),
        pytest.param("'infinity'::timestamptz", id="infinite timestamptz"),
        pytest.param("'10000-01-01'::date", id="date"),
        pytest.param("'0044-03-15 BC'::timestamp", id="before Christ"),
        pytest.param("'0001-01-01 00:00+05'::timestamptz", id="offset"),
    ],
)
def test_a_date_outside_of_the_years_1_to_9999_is_refused_with_its_row(
    ask: Any, said: Any, postgresql: str, value: str
) -> None:
    query = f"SELECT g, CASE WHEN g = 700 THEN {value} END AS seen FROM generate_series(1, 1000) AS g"
    sentence = said(TableError, lambda: ask(f"{postgresql}/postgres", query))
    assert sentence.startswith("the query over warehouse: column 'seen', row 700: ")
    assert sentence.endswith("is not a date of the years 1 to 9999: make it NULL in the query")


def test_a_numeric_that_would_lose_digits_is_refused_with_its_row(ask: Any, said: Any, postgresql: str) -> None:
    query = "SELECT 9007199254740991::numeric + g AS total FROM generate_series(1, 3) AS g"
    sentence = said(TableError, lambda: ask(f"{postgresql}/postgres", query))
    assert "column 'total', row 2: 9007199254740993 is beyond 2^53" in sentence


def test_a_range_is_refused_by_name(ask: Any, said: Any, postgresql: str) -> None:
    sentence = said(TableError, lambda: ask(f"{postgresql}/postgres", "SELECT int4range(1, 2) AS span"))
    assert "column 'span' holds NumericRange, which is not read: CAST it in the query" in sentence


def test_what_the_spec_calls_missing_is_null_in_texts(ask: Any, postgresql: str) -> None:
    query = "SELECT t, 1 AS n FROM (VALUES ('x'), ('-'), ('NA'), ('')) AS v (t)"
    assert ask(f"{postgresql}/postgres", query, missing=["-"])["t"].to_pylist() == ["x", None, "NA", ""]
    assert ask(f"{postgresql}/postgres", query)["t"].to_pylist() == ["x", "-", None, None]


def test_a_query_is_streamed(spec: Any, postgresql: str, tmp_path: Any) -> None:
    from mlyard_training_pipeline.data.sources import open_table
    from pydantic import SecretStr

    made = spec(
        source={"connection": "w", "query": "SELECT g, repeat('x', 1000) AS t FROM generate_series(1, 2000000) AS g"}
    )
    stream = open_table(made, tmp_path, {"w": SecretStr(f"{postgresql}/postgres")})
    before = pa.total_allocated_bytes()
    first = next(stream.batches)
    assert first.num_rows == 10_000
    next(stream.batches)
    assert pa.total_allocated_bytes() - before < 100_000_000
