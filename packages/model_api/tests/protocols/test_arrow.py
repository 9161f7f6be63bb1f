"""Bodies in Parquet and in Arrow's stream format."""

import contextlib
import io
import json
import random
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from mlyard_model_api.errors import (
    BodyTooLarge,
    BrokenBody,
    InputRefused,
    MediaTypeRefused,
    RequestRefused,
    TooManyRows,
)
from mlyard_model_api.protocols import arrow, native
from mlyard_model_api.protocols.protocol import QUICK_BYTES, QUICKEST_BYTES
from mlyard_shared.columns import ColumnType
from mlyard_shared.columns.examples import EXAMPLES
from mlyard_shared.manifest import Manifest, parse_manifest
from mlyard_shared.schema import Column, DateExpansion, Schema
from pyarrow import parquet

from ..conftest import Start
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN, regressor, write_version

MB = 1024**2
KINDS: tuple[ColumnType, ...] = get_args(ColumnType)


def stream(table: pa.Table, *, rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def file(table: pa.Table, *, rows: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=rows, **options)
    return sink.getvalue()


FORMS: dict[str, tuple[Callable[..., bytes], Callable[..., Any]]] = {
    "stream": (stream, arrow.read_stream),
    "file": (file, arrow.read_parquet),
}


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Schema], Manifest]:
    def make(schema: Schema) -> Manifest:
        folder: Path = tmp_path_factory.mktemp("version")
        write_version(folder, regressor(1.0), name="cells", schema=schema, classes=())
        return parse_manifest((folder / "mlyard.json").read_bytes())

    return make


@pytest.fixture(scope="session")
def of_kind(manifests: Callable[[Schema], Manifest]) -> dict[tuple[ColumnType, bool], Manifest]:
    """A version of one column `x`, by its type, and by whether it may be null."""
    found = {}
    for kind in KINDS:
        for nullable in (True, False):
            known = ("known",) if kind == "category" else ()
            column = Column(name="x", type=kind, nullable=nullable, categories=known, unseen="accept")
            dates = (DateExpansion(column="x", parts=("year",)),) if kind == "datetime" else ()
            found[kind, nullable] = manifests(Schema(columns=(column,), dates=dates))
    return found


def told(read: Callable[[], Any]) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(InputRefused) as caught:
        read()
    return [(problem.code, problem.row, problem.column) for problem in caught.value.problems]


@pytest.mark.parametrize("form", FORMS)
def test_a_nan_that_is_a_signal_to_numpy_is_a_nan(form: str, of_kind: Any) -> None:
    write, read = FORMS[form]
    signal = np.array([0x7F800001], dtype=np.uint32).view(np.float32)
    body = write(pa.table({"x": pa.array(signal)}))
    assert told(partial(read, body, of_kind["number", False], max_rows=1)) == [("not_finite", 0, "x")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_mean_what_they_mean_in_json(form: str, kind: ColumnType, of_kind: Any) -> None:
    write, read = FORMS[form]
    manifest = of_kind[kind, True]
    types = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    for example in EXAMPLES:
        if example.type != kind or example.json is None:
            continue
        value = json.loads(example.json)
        try:
            body = write(pa.table({"x": pa.array([value, None], types.get(kind, pa.string()))}))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            continue  # Arrow has no such value of this type
        if example.fault is not None and (example.fault != "wrong_type" or type(value) not in (float, bool)):
            assert told(partial(read, body, manifest, max_rows=2)) == [(example.fault, 0, "x")], example
        elif example.fault is None:
            found = read(body, manifest, max_rows=2)["x"]
            assert found[0] == (np.datetime64(str(example.value), "us") if kind == "datetime" else example.value)
            assert found[1] is None or found[1] != found[1]


NS = pa.timestamp("ns")
STORED: list[tuple[ColumnType, Any, list[Any], list[Any]]] = [
    *(("integer", kind, [1, 100, None], [1.0, 100.0, None]) for kind in (pa.int8(), pa.uint16(), pa.uint64())),
    *(("integer", kind, [1.0, None, float("nan")], [1.0, None, None]) for kind in (pa.float32(), pa.float64())),
    ("integer", pa.decimal128(20, 2), [Decimal("7.00"), None], [7.0, None]),
    *(("number", kind, [1, 100, None], [1.0, 100.0, None]) for kind in (pa.int8(), pa.uint64(), pa.int64())),
    ("number", pa.float32(), [0.5, None, float("nan")], [0.5, None, None]),
    ("number", pa.float16(), [np.float16(0.5), np.float16(2.0)], [0.5, 2.0]),
    ("number", pa.decimal128(30, 1), [Decimal("0.1"), None], [0.1, None]),
    ("number", pa.null(), [None, None], [None, None]),
    ("boolean", pa.null(), [None], [None]),
    *(("category", kind, ["a", None, "é", "a"], ["a", None, "é", "a"]) for kind in (pa.string(), pa.large_string())),
    ("category", pa.dictionary(pa.int8(), pa.string()), ["a", None, "b", "a"], ["a", None, "b", "a"]),
    ("category", pa.int32(), [1, None, -7], ["1", None, "-7"]),
    ("category", pa.float64(), [1.0, None, 1.5, float("nan"), 1e-5], ["1", None, "1.5", None, "1e-05"]),
    ("category", pa.bool_(), [True, None, False], ["true", None, "false"]),
    ("category", pa.decimal128(5, 2), [Decimal("1.50"), None], ["1.5", None]),
    ("category", pa.date32(), [date(2026, 1, 31), None], ["2026-01-31T00:00:00", None]),
    ("category", pa.timestamp("ms", "Europe/Berlin"), [0, None], ["1970-01-01T00:00:00", None]),
    ("datetime", NS, [1, None, -1], [0, None, -1]),
    ("datetime", pa.timestamp("us", "America/Lima"), [5, None], [5, None]),
    ("datetime", pa.timestamp("ms"), [5, None], [5000, None]),
    ("datetime", pa.timestamp("s"), [5, None], [5_000_000, None]),
    ("datetime", pa.date32(), [date(1970, 1, 2), None], [86_400_000_000, None]),
    ("datetime", pa.date64(), [date(1970, 1, 2), None], [86_400_000_000, None]),
    ("datetime", pa.dictionary(pa.int32(), pa.string()), ["1970-01-01T01:00+01:00", None], [0, None]),
    ("datetime", pa.null(), [None], [None]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "stored", "values", "expected"), STORED, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("form", FORMS)
def test_stored_types_mean_what_they_mean_in_training(
    form: str, kind: ColumnType, stored: Any, values: list[Any], expected: list[Any], of_kind: Any
) -> None:
    write, read = FORMS[form]
    if form == "file" and stored == pa.float16():
        pytest.skip("Parquet's own type for it is newer than some readers")
    array = pa.array(values, stored)
    for given in (pa.table({"x": array}), pa.table({"x": pa.concat_arrays([array, array])}).slice(len(array))):
        for rows in (None, 1):
            found = read(write(given, rows=rows), of_kind[kind, True], max_rows=100)["x"]
            listed = found.view(np.int64).tolist() if kind == "datetime" else found.tolist()
            nat = np.iinfo(np.int64).min
            assert [None if value != value or value == nat else value for value in listed] == expected
    if None in expected:
        codes = {code for code, _, _ in told(lambda: read(write(given), of_kind[kind, False], max_rows=100))}
        assert codes <= {"null", "not_finite"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("kind", "stored", "values", "expected"),
    [
        ("integer", pa.bool_(), [True], [("wrong_type", None, "x")]),
        ("integer", pa.string(), ["1"], [("wrong_type", None, "x")]),
        ("number", pa.dictionary(pa.int8(), pa.string()), ["1"], [("wrong_type", None, "x")]),
        ("boolean", pa.int8(), [1], [("wrong_type", None, "x")]),
        ("category", pa.binary(), [b"a"], [("wrong_type", None, "x")]),
        ("datetime", pa.int64(), [1], [("wrong_type", None, "x")]),
        ("datetime", pa.time64("us"), [1], [("wrong_type", None, "x")]),
        ("number", pa.list_(pa.float64()), [[1.0]], None),
        ("number", pa.struct({"a": pa.float64()}), [{"a": 1.0}], None),
        ("integer", pa.float64(), [1.0, 1.5, 2.0**53], [("wrong_type", 1, "x"), ("out_of_range", 2, "x")]),
        ("integer", pa.int64(), [2**53, 1, -(2**53)], [("out_of_range", 0, "x"), ("out_of_range", 2, "x")]),
        ("integer", pa.uint64(), [2**64 - 1], [("out_of_range", 0, "x")]),
        ("number", pa.float64(), [1.0, float("inf"), 1e39], [("not_finite", 1, "x"), ("out_of_range", 2, "x")]),
        ("datetime", pa.timestamp("s"), [2**62, 0, -(2**62)], [("out_of_range", 0, "x"), ("out_of_range", 2, "x")]),
        ("category", pa.string(), ["a", "a\0b", "<missing>"], [("bad_text", 1, "x"), ("bad_text", 2, "x")]),
        ("category", pa.string(), ["y" * 10_001], [("text_too_long", 0, "x")]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_does_not_fit_is_refused_with_its_place(
    form: str, kind: ColumnType, stored: Any, values: list[Any], expected: Any, of_kind: Any
) -> None:
    write, read = FORMS[form]
    if form == "file" and stored == pa.timestamp("s"):
        pytest.skip("Parquet has no such dates")
    body = write(pa.table({"x": pa.array(values, stored)}))
    if expected is None:
        with pytest.raises((InputRefused, BrokenBody)):
            read(body, of_kind[kind, False], max_rows=10)
        return
    assert told(lambda: read(body, of_kind[kind, False], max_rows=10)) == expected


@pytest.mark.parametrize("form", FORMS)
def test_names_and_rows_are_those_of_the_schema(form: str, manifests: Callable[[Schema], Manifest]) -> None:
    write, read = FORMS[form]
    columns = tuple(Column(name=name, type="number", nullable=False, example=1.0) for name in ("é", "b"))
    manifest = manifests(Schema(columns=columns))
    one = pa.array([1.5])
    found = read(write(pa.table({"b": one, "e\u0301": pa.array([2])})), manifest, max_rows=1)
    assert {name: found[name].tolist() for name in found} == {"é": [2.0], "b": [1.5]}

    def problems(table: pa.Table) -> Any:
        return told(lambda: read(write(table), manifest, max_rows=1))

    assert problems(pa.table({"b": one, "c": one})) == [("missing_column", None, "é"), ("unknown_column", None, "c")]
    assert problems(pa.table([one, one, one], names=["b", "é", "b"])) == [("duplicate_column", None, "b")]
    assert problems(pa.table([one.slice(1), one.slice(1)], names=["b", "é"])) == [("no_rows", None, None)]
    with pytest.raises(TooManyRows):
        read(write(pa.table({"b": pa.array([1.0, 2.0]), "é": pa.array([1.0, 2.0])}), rows=1), manifest, max_rows=1)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_buffers_are_refused(compression: str, of_kind: Any) -> None:
    for kind, array in (("number", pa.array([1.0] * 100)), ("category", pa.array(["a"] * 100).dictionary_encode())):
        body = stream(pa.table({"x": array}), compression=compression)
        with pytest.raises(BrokenBody, match="the buffers are compressed: send them as they are"):
            arrow.read_stream(body, of_kind[kind, True], max_rows=100)


def test_what_becomes_far_larger_than_it_is_stops_at_a_limit(of_kind: Any) -> None:
    long = "x" * MB
    pages = file(pa.table({"x": pa.array([long] * 100)}), compression="zstd", use_dictionary=False)
    view = np.array([MB, int.from_bytes(b"xxxx", "little"), 0, 0], dtype=np.int32)
    buffers = [None, pa.py_buffer(np.tile(view, 100)), pa.py_buffer(long.encode())]
    views = stream(pa.table({"x": pa.Array.from_buffers(pa.string_view(), 100, buffers)}))
    once = stream(pa.table({"x": pa.array([long] * 100).dictionary_encode()}))
    assert max(map(len, (pages, views, once))) < 3 * MB
    before = pa.default_memory_pool().bytes_allocated()
    for read, body in ((arrow.read_parquet, pages), (arrow.read_stream, views)):
        with pytest.raises(BodyTooLarge, match="larger than 67108864 bytes"):
            read(body, of_kind["category", True], max_rows=100)
    assert {code for code, _, _ in told(lambda: arrow.read_stream(once, of_kind["category", True], max_rows=100))} == {
        "text_too_long"
    }
    assert pa.default_memory_pool().bytes_allocated() - before < MB


@pytest.mark.parametrize(
    "body",
    [b"", b"PAR1", b"ARROW1\0\0", b"x" * 1000, b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"PAR1" + b"\xff\xff\xff\x7fPAR1"],
    ids=str,
)
def test_what_is_none_of_it_is_refused(body: bytes, of_kind: Any) -> None:
    for read in (arrow.read_parquet, arrow.read_stream):
        with pytest.raises(BrokenBody, match="the body is not a"):
            read(body, of_kind["number", True], max_rows=10)


def test_a_wrong_value_is_found_soon(manifests: Callable[[Schema], Manifest]) -> None:
    columns = tuple(Column(name=f"x{i}", type="number", nullable=False, example=1.0) for i in range(30))
    manifest = manifests(Schema(columns=columns))
    values = np.ones((30, 10_000))

    def seconds() -> float:
        body = stream(pa.table({f"x{i}": values[i] for i in range(30)}))
        times = []
        for _ in range(5):
            started = time.process_time()
            with contextlib.suppress(InputRefused):
                arrow.read_stream(body, manifest, max_rows=10_000)
            times.append(time.process_time() - started)
        return min(times)

    right = seconds()
    values[29, -1] = np.inf
    last = seconds()
    values[:] = np.nan
    # To read what is right takes little more than to copy it.
    assert max(last, seconds()) < 25 * right


def test_as_many_bytes_as_the_event_loop_reads_take_no_longer_than_their_numbers_do(
    manifests: Callable[[Schema], Manifest],
) -> None:
    """Each value of a dictionary's column has one byte, and eight where it is read."""
    columns = tuple(Column(name=f"x{i}", type="number", nullable=True, example=1.0) for i in range(25))
    manifest = manifests(Schema(columns=columns))
    call = native.PROTOCOL.open([(b"content-type", b"application/vnd.apache.arrow.stream")], b"")
    short = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 5_000, pa.int8()), pa.array([1.0, 2.0]))
    long = pa.array([1.0, 2.0] * 5_000)

    def seconds(column: pa.Array) -> float:
        body = stream(pa.table({f"x{i}": column for i in range(25)}))
        assert (len(body) <= call.quick_bytes(manifest)) == (column is short)
        times = []
        for _ in range(5):
            started = time.process_time()
            arrow.read_stream(body, manifest, max_rows=10_000)
            times.append(time.process_time() - started)
        return min(times)

    # Measured: 4 to 11 times. With texts it is 60 times.
    assert seconds(short) < 25 * seconds(long)


def test_texts_in_arrow_are_read_beside_the_event_loop(of_kind: Any) -> None:
    call = native.PROTOCOL.open([(b"content-type", b"application/vnd.apache.arrow.stream")], b"")
    quick = {kind: call.quick_bytes(of_kind[kind, True]) for kind in KINDS}
    assert quick["number"] == quick["integer"] == quick["boolean"] == QUICKEST_BYTES
    assert quick["category"] == quick["datetime"] == QUICK_BYTES


@pytest.mark.anyio
async def test_tables_come_and_go_over_http(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    table = pa.Table.from_pylist([PENGUIN, PENGUIN | {"bill": None}])
    async with start() as client:

        async def ask(content: bytes, media_type: str, **headers: str) -> Any:
            headers = {"Content-Type": media_type, **headers}
            response = await client.post("/models/penguins/predict", content=content, headers=headers)
            assert response.status_code == 200, response.text
            return response

        by_json = (await ask(json.dumps({"rows": table.to_pylist()}).encode(), "application/json")).json()
        for write, media_type in (
            (stream, "application/vnd.apache.arrow.stream"),
            (file, "application/vnd.apache.parquet"),
        ):
            found = (await ask(write(table), media_type)).json()
            assert [row["probabilities"] for row in found["predictions"]] == [
                row["probabilities"] for row in by_json["predictions"]
            ]
        answer = await ask(
            stream(table), "application/vnd.apache.arrow.stream", Accept="application/vnd.apache.arrow.stream"
        )
        assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
        told_rows = pa.ipc.open_stream(answer.content).read_all().to_pylist()
        assert [row["prediction"] for row in told_rows] == [row["prediction"] for row in by_json["predictions"]]


@pytest.mark.anyio
async def test_no_broken_table_is_ever_a_fault_of_the_server(start: Start, registry: FakeRegistry) -> None:
    registry.promote("penguins", 1)
    draw = random.Random(20261126)
    table = pa.Table.from_pylist([PENGUIN, PENGUIN | {"bill": None}])
    text = "bill,mass,sex,island,tagged,seen\n45.5,4200,,Biscoe,false,2026-05-01\n"
    right = {"text/csv": text.encode(), "application/vnd.apache.arrow.stream": stream(table)}
    right["application/vnd.apache.parquet"] = file(table)
    async with start() as client:
        for media_type, body in right.items():
            for _ in range(200):
                changed = bytearray(body)
                for _ in range(draw.randint(0, 3)):
                    place = draw.randrange(len(changed))
                    changed[place : place + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
                headers = {
                    "Content-Type": media_type,
                    "Content-Encoding": draw.choice(("identity", "identity", "gzip")),
                }
                response = await client.post("/models/penguins/predict", content=bytes(changed), headers=headers)
                assert response.status_code in (200, 400, 413, 422), (media_type, bytes(changed))
                if response.status_code != 200:
                    assert response.json()["error"]["code"]
                    assert "Traceback" not in response.text


def test_without_pyarrow_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "is_installed", lambda: False)
    native._known_form.cache_clear()
    try:
        for media_type in (b"application/vnd.apache.parquet", b"application/vnd.apache.arrow.stream"):
            with pytest.raises(MediaTypeRefused, match=r"install mlyard-model-api\[arrow\], or send JSON or CSV"):
                native.PROTOCOL.open([(b"content-type", media_type)], b"")
        native.PROTOCOL.open([(b"content-type", b"application/json"), (b"accept", b"*/*")], b"")
        accept = (b"accept", b"application/vnd.apache.arrow.stream")
        with pytest.raises(RequestRefused, match="the answer can be application/json: send"):
            native.PROTOCOL.open([(b"content-type", b"application/json"), accept], b"")
    finally:
        native._known_form.cache_clear()
