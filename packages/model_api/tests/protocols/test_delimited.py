import csv
import io
import time
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_model_api.errors import BrokenBody, InputRefused, TooManyRows
from mlyard_model_api.protocols import delimited, rows
from mlyard_shared.columns import GRAMMARS, ColumnType
from mlyard_shared.columns.examples import EXAMPLES, Example
from mlyard_shared.schema import Column, DateExpansion, Schema

from ..test_examples import schema

PAIR = Schema(
    columns=(
        Column(name="n", type="number", nullable=True, example=1.0),
        Column(name="c", type="category", nullable=True, categories=("a",), unseen="accept", example="a"),
    )
)


def read(text: str, form: Schema = PAIR, *, max_rows: int = 100, grammar: int = 2) -> dict[str, list[Any]]:
    found = delimited.read(text.encode(), form, GRAMMARS[grammar], max_rows=max_rows)
    return {name: values.tolist() for name, values in found.items()}


def refused(text: str, form: Schema = PAIR, **limits: Any) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(InputRefused) as caught:
        read(text, form, **limits)
    return [(problem.code, problem.row, problem.column) for problem in caught.value.problems]


def table(cells: list[list[str]], **options: Any) -> str:
    stream = io.StringIO()
    csv.writer(stream, **options).writerows(cells)
    return stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("n,c\r\n1.5,b\r\n2,a\r\n", id="as RFC 4180 writes it"),
        pytest.param("n,c\n1.5,b\n2,a\n", id="line feeds alone"),
        pytest.param("n,c\n1.5,b\n2,a", id="no end of the last line"),
        pytest.param("c,n\nb,1.5\na,2\n", id="names in another order"),
        pytest.param('"n","c"\n"1.5","b"\r\n2,"a"', id="in quotes"),
    ],
)
def test_a_table_is_read_however_it_is_written(text: str) -> None:
    assert read(text) == {"n": [1.5, 2.0], "c": ["b", "a"]}


def test_quoted_cells_hold_whatever_there_is() -> None:
    cells = ['a"b', "a,b", "a\nb", "a\r\nb", '"', '""', ",", "\n", " a ", "é\U0001f6a2", 'x"\n"y', "x" * 9999]
    assert read(table([["n", "c"], *(["1", cell] for cell in cells)]))["c"] == cells


def test_an_empty_cell_is_null_unless_it_is_a_category() -> None:
    found = read('n,c\n,\n"",""\n')
    assert (found["c"], np.isnan(found["n"]).tolist()) == ([None, None], [True, True])
    known = Column(name="c", type="category", nullable=True, categories=("", "a"), example="a")
    assert read("c\na\n\n", Schema(columns=(known,)))["c"] == ["a", ""]
    one = Column(name="x", type="number", nullable=False, example=1.0)
    assert refused("x\n1\n\n", Schema(columns=(one,))) == [("null", 1, "x")]


@pytest.mark.parametrize("kind", get_args(ColumnType))
def test_cells_mean_what_they_mean_in_training(kind: ColumnType) -> None:
    examples = [example for example in EXAMPLES if example.type == kind and example.text]
    assert {example.fault is None for example in examples} == {True, False}
    for example in examples:
        text = table([["x"], [str(example.text)]], quoting=csv.QUOTE_ALL)
        if example.fault is not None:
            assert refused(text, schema(kind)) == [(example.fault, 0, "x")], example
            continue
        # Alone, and beside others that are read at once.
        for beside in ([], ["1"], [""]):
            cells = [[cell] for cell in [str(example.text), *(beside if kind != "datetime" else [])]]
            [value, *_] = read(table([["x"], *cells], quoting=csv.QUOTE_ALL), schema(kind))["x"]
            assert value == _value(example), example


def _value(example: Example) -> Any:
    return example.value


ABSENT = [("missing_column", None, "n"), ("missing_column", None, "c")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("n,d\n1,a\n", [("missing_column", None, "c"), ("unknown_column", None, "d")], id="another name"),
        pytest.param("n,c,n\n1,a,1\n", [("duplicate_column", None, "n")], id="a name that comes again"),
        pytest.param("n\n1\n", [("missing_column", None, "c")], id="a column too few"),
        pytest.param("n, c\n1,a\n", [("missing_column", None, "c"), ("unknown_column", None, " c")], id="a space"),
        pytest.param("n;c\n1;a\n", [*ABSENT, ("unknown_column", None, "n;c")], id="semicolons"),
        pytest.param("1,a\n", [*ABSENT, ("unknown_column", None, "1"), ("unknown_column", None, "a")], id="no header"),
        pytest.param("n,c\n", [("no_rows", None, None)], id="no rows"),
        pytest.param("", [("no_rows", None, None)], id="nothing"),
        pytest.param("n,c\n1,a\n1\n1,a,\n", [("wrong_shape", 1, None), ("wrong_shape", 2, None)], id="uneven rows"),
        pytest.param("n,c\n1,a\n\n1,a\n", [("wrong_shape", 1, None)], id="a blank line"),
        pytest.param(
            "n,c\nx,a\n1,\0\nnan,b\n",
            [("wrong_type", 0, "n"), ("bad_text", 1, "c"), ("wrong_type", 2, "n")],
            id="values",
        ),
    ],
)
def test_what_breaks_the_schema_is_told_with_its_place(text: str, expected: list[Any]) -> None:
    assert refused(text) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'n,c\n1,a"b\n', "line 2"),
        (b'n,c\n1,"a\n', "line 2"),
        (b'n,c\n1,"a"b\n', "line 2"),
        (b'n,c\n"a\nb",c\n1, "a"\n', "line 4"),
        (b"n,c\r1,a\r", "line 1"),
        (b"n,c\n1,a\r\r\n", "line 2"),
        (b"\xef\xbb\xbfn,c\n1,a\n", "byte order mark"),
        (b"n,c\n1,\xff\n", "byte 6"),
        ("n,c\n1,a\n".encode("utf-16-le"), "is missing"),
    ],
)
def test_what_is_no_csv_is_refused_with_its_line(body: bytes, message: str) -> None:
    with pytest.raises((BrokenBody, InputRefused), match=message):
        delimited.read(body, PAIR, GRAMMARS[2], max_rows=10)


def test_more_rows_than_the_limit_are_refused() -> None:
    assert len(read("n,c\n" + "1,a\n" * 3, max_rows=3)["n"]) == 3
    for quotes in ("", '"'):
        with pytest.raises(TooManyRows, match="more than 3 rows: send fewer"):
            read("n,c\n" + f"1,{quotes}a{quotes}\n" * 4, max_rows=3)


def test_names_may_come_in_any_unicode_form() -> None:
    form = Schema(columns=(Column(name="é", type="number", nullable=False, example=1.0),))
    assert read("e\u0301\n1\n", form) == {"é": [1.0]}
    assert refused("e\u0301,é\n1,1\n", form) == [("duplicate_column", None, "é")]
    assert refused("e\u0301\n1\n", form, grammar=1) == [
        ("missing_column", None, "é"),
        ("unknown_column", None, "e\u0301"),
    ]


BOMBS: dict[str, Callable[[int], bytes]] = {
    "commas": lambda size: b"," * size,
    "lines": lambda size: b"\n" * size,
    "quotes": lambda size: b'"' * size,
    "quoted cells": lambda size: b'"",' * (size // 3),
    "quoted lines": lambda size: b'""\n' * (size // 3),
    "one cell": lambda size: b'"' + b"\n" * size + b'"',
    "cells behind a header": lambda size: b"n,c\n" + b"," * size,
    "quoted cells behind a header": lambda size: b"n,c\n" + b'"",' * (size // 3),
    "one text": lambda size: b"n,c\n1," + b"x" * size,
    "one quoted text": lambda size: b'n,c\n1,"' + b'""' * (size // 2) + b'"',
    "digits": lambda size: b"n,c\n" + b"1" * size + b",a\n",
}


@pytest.mark.parametrize("megabytes", [3, pytest.param(15, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", BOMBS)
def test_a_body_of_many_parts_is_refused_soon(name: str, megabytes: int) -> None:
    body = BOMBS[name](megabytes * 1024**2)
    started = time.process_time()
    with pytest.raises((BrokenBody, InputRefused, TooManyRows)):
        delimited.read(body, PAIR, GRAMMARS[2], max_rows=10_000)
    assert time.process_time() - started < max(megabytes / 7.5, 0.5)


def test_a_wrong_cell_is_found_in_about_the_time_of_reading() -> None:
    kinds: list[ColumnType] = ["number", "integer", "boolean", "datetime"]
    columns = tuple(Column(name=f"{kind}{i}", type=kind, nullable=True) for kind in kinds for i in range(5))
    form = Schema.model_construct(columns=columns, dates=())
    right = {"number": "1.5", "integer": "7", "boolean": "true", "datetime": "2026-01-01"}
    lines = [[right[column.type] for column in columns] for _ in range(2000)]
    seconds = {}
    for what, change in (("right", {}), ("wrong", {1999: "x"}), ("all wrong", dict.fromkeys(range(2000), "x"))):
        text = table(
            [[c.name for c in columns], *([change.get(i, cell) for cell in row] for i, row in enumerate(lines))]
        )
        times = []
        for _ in range(3):
            started = time.process_time()
            if change:
                assert len(refused(text, form, max_rows=2000)) == rows.MAX_PROBLEMS
            else:
                read(text, form, max_rows=2000)
            times.append(time.process_time() - started)
        seconds[what] = min(times)
    assert seconds["wrong"] < 5 * seconds["right"]
    assert seconds["all wrong"] < 5 * seconds["right"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e30, 1e30)), CELLS), min_size=1, max_size=4), st.booleans())
@settings(max_examples=100, deadline=None, database=None)
def test_what_the_standard_library_writes_is_read_as_it_was(
    cells: list[tuple[float | None, str]], quoted: bool
) -> None:
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    written = [["" if n is None else repr(n), text] for n, text in cells]
    found = read(table([["n", "c"], *written], quoting=quoting))
    assert str(found["n"]) == str([np.nan if n is None else n for n, _ in cells])
    assert found["c"] == [text or None for _, text in cells]


def test_dates_are_read_by_the_grammar_of_the_version() -> None:
    column = Column(name="d", type="datetime", nullable=False, example="2026-01-01")
    form = Schema(columns=(column,), dates=(DateExpansion(column="d", parts=("year",)),))
    assert len(read("d\n2026-01-01T10:20+01\n", form)["d"]) == 1
    assert refused("d\n2026-01-01T10:20+01\n", form, grammar=1) == [("bad_date", 0, "d")]
