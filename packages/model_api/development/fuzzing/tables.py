"""Bodies in CSV, Parquet and Arrow: right ones, and what random changes make of them."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from random import Random
from typing import Any

from fuzzing.documents import MAX_ROWS, SECRET, change
from mlyard_shared.schema import Column

TEXTS = {
    "integer": ["0", "1", "-7", "+7", "007", "1.0", "1e3", "", "9007199254740992", "1.5"],
    "number": ["0", "-2.5", ".5", "5.", "1e5", "+2.5", "007.5", "", "1e400", "nan", "3.5e38", "-0"],
    "boolean": ["true", "False", "1", "0", "", "yes"],
    "category": ["a", "red", "grün", "", SECRET, 'a"b', "a,b", "a\nb", "<missing>", "x" * 50],
    "datetime": ["2026-01-01", "2026-01-01T10:20:30Z", "2026-01-01 10:20:30.5+02", "", "2026-02-30", "0000-01-01"],
}
TOKENS = [
    *(b",", b"\n", b"\r\n", b"\r", b'"', b'""', b'","', b" ", b"\x00", b"\xff", b"\xef\xbb\xbf"),
    *(b";", b"\t", b"1", b"x"),
    *(b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x00\x00\x00\x10", b"\x80\x80\x80\x80\x08"),
]  # fmt: skip
RIGHT: dict[str, list[Any]] = {
    "integer": [0, 1, -7, 2**53, None],
    "number": [0.0, -2.5, 1e30, float("nan"), float("inf"), None],
    "boolean": [True, False, None],
    "category": ["a", "red", "grün", SECRET, "", None],
    "datetime": [datetime(2026, 1, 1), datetime(1900, 1, 1, 10), None],  # noqa: DTZ001 - as tables have them
}


def delimited(draw: Random, columns: Sequence[Column]) -> bytes:
    """A body in CSV."""
    stream = io.StringIO()
    quoting = draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    writer = csv.writer(stream, quoting=quoting, lineterminator=draw.choice(("\n", "\r\n")))
    names = [column.name for column in columns]
    wrong = draw.random() < 0.4
    rows = [
        [draw.choice(TEXTS[column.type][: None if wrong else 4]) for column in columns]
        for _ in range(draw.choice((1, 2, MAX_ROWS, MAX_ROWS + 1)))
    ]
    writer.writerows([names, *rows])
    body = bytearray(stream.getvalue().encode())
    if draw.random() < 0.4:
        for _ in range(draw.choice((1, 1, 2, 5))):
            change(draw, body, TOKENS)
    return bytes(body)


def arrow(draw: Random, columns: Sequence[Column]) -> bytes:
    """A body in Arrow's stream format."""
    return _changed(draw, draw.choice(_streams(tuple((column.name, column.type) for column in columns))))


def parquet(draw: Random, columns: Sequence[Column]) -> bytes:
    """A body in Parquet."""
    return _changed(draw, draw.choice(_files(tuple((column.name, column.type) for column in columns))))


def _changed(draw: Random, right: bytes) -> bytes:
    body = bytearray(right)
    if draw.random() < 0.98:
        for _ in range(draw.choice((1, 1, 2, 4))):
            # A change that leaves the length is what gets farthest.
            if draw.random() < 0.7:
                place = draw.randrange(len(body))
                body[place] = draw.choice((body[place] ^ (1 << draw.randrange(8)), 0, 1, 127, 128, 255))
            else:
                change(draw, body, TOKENS)
            body = body or bytearray(b"\0")
    return bytes(body)


@cache
def _tables(columns: tuple[tuple[str, str], ...]) -> list[Any]:
    import pyarrow as pa

    types = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "datetime": pa.timestamp("us")}
    found = []
    for count in (1, 3, MAX_ROWS):
        for nulls in (True, False):
            arrays = {}
            for position, (name, kind) in enumerate(columns):
                values = RIGHT[kind] if nulls else [value for value in RIGHT[kind][:3] if value is not None]
                listed = [values[(row + position) % len(values)] for row in range(count)]
                arrays[name] = pa.array(listed, types.get(kind, pa.string()))
            found.append(pa.table(arrays))
    stored = {"category": pa.dictionary(pa.int32(), pa.string()), "datetime": pa.timestamp("ns", "UTC")}
    found.append(pa.table({n: found[1][n].cast(stored.get(kind, found[1][n].type)) for n, kind in columns}))
    views = {"category": pa.string_view(), "number": pa.float32(), "integer": pa.float64()}
    found.append(pa.table({n: found[1][n].cast(views.get(kind, found[1][n].type), safe=False) for n, kind in columns}))
    return found


@cache
def _streams(columns: tuple[tuple[str, str], ...]) -> list[bytes]:
    import pyarrow as pa

    found = []
    for table in _tables(columns):
        for compression in (None, "zstd"):
            sink = io.BytesIO()
            options = pa.ipc.IpcWriteOptions(compression=compression)
            with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
                writer.write_table(table, max_chunksize=2)
            found.append(sink.getvalue())
    return found


@cache
def _files(columns: tuple[tuple[str, str], ...]) -> list[bytes]:
    from pyarrow import parquet as files

    found = []
    for table in _tables(columns)[:-1]:
        for options in ({}, {"compression": "zstd", "use_dictionary": False}, {"data_page_version": "2.0"}):
            sink = io.BytesIO()
            files.write_table(table, sink, row_group_size=2, **options)
            found.append(sink.getvalue())
    return found
