import gc
import json
import time
from typing import Any

import pytest
from mlyard_model_api.errors import BrokenBody, TooManyRows
from mlyard_model_api.protocols.documents import parse

MB = 1024**2
SIZE = 15 * MB


def read(body: bytes) -> Any:
    return parse(body, rows=10_000, columns=6)


BOMBS = {
    "lists": b'{"rows":[' + b"[]," * (SIZE // 3) + b"[]]}",
    "objects": b'{"rows":[' + b"{}," * (SIZE // 3) + b"{}]}",
    "objects in a column": b'{"columns":{"a":[' + b"{}," * (SIZE // 3) + b"{}]}}",
    "nested lists": b'{"rows":[' + b"[[[]]]," * (SIZE // 7) + b"[]]}",
    "numbers": b'{"rows":[' + b"1," * (SIZE // 2) + b"1]}",
    "texts": b'{"rows":[' + b'"",' * (SIZE // 3) + b'""]}',
    "keys": b'{"rows":[{' + b'"a":1,' * (SIZE // 6) + b'"a":1}]}',
    "lists behind a text": b'{"rows":["\\\\\\"[",' + b"[]," * (SIZE // 3) + b"[]]}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_body_of_many_parts_is_refused_as_it_is_counted(name: str) -> None:
    gc.enable()
    started = time.process_time()
    with pytest.raises(TooManyRows, match="there are more values than 10000 rows of 6 columns have: send fewer"):
        read(BOMBS[name])
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "body",
    [b"[" * SIZE, b'{"rows":' * (SIZE // 8), b'{"a":"\\"","rows":' + b"[" * SIZE, b"[" * 1500],
    ids=["lists", "objects", "lists behind a text", "few lists"],
)
def test_deep_nesting_is_told_as_such(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BrokenBody, match="nested too deep"):
        read(body)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "body",
    [b'{"rows":' + b'""' * (SIZE // 2), b'{"rows":"' + b"[" * SIZE, b'{"rows":["' + b"[\\" * (SIZE // 2)],
    ids=["texts side by side", "text without an end", "escapes without an end"],
)
def test_a_broken_body_takes_no_longer(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises((BrokenBody, TooManyRows)):
        read(body)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "text",
    ["{[,", '\\"{', "\\\\", '"', '\\\\"[', "é[{", "\n"],
    ids=["parts", "quote", "backslash", "end", "both", "é", "n"],
)
def test_what_is_in_a_text_is_not_counted(text: str) -> None:
    document = {"rows": [{"a": text * 30, "b": text}] * 10_000}
    assert read(json.dumps(document).encode()) == document
    assert read(json.dumps(document, ensure_ascii=False).encode()) == document


def test_the_most_rows_fit_in_either_form() -> None:
    names = "abcdef"
    rows = {"rows": [dict.fromkeys(names, 1.5)] * 10_000}
    columns = {"columns": {name: [1.5] * 10_000 for name in names}}
    assert read(json.dumps(rows).encode()) == rows
    assert read(json.dumps(columns).encode()) == columns
