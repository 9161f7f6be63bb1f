import csv
import io
import random
import re
from typing import Any

import pytest
from mlyard_training_pipeline.data.sources.delimited import reader


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n1,2\n3,4\n", id="plain"),
        pytest.param("a,b\n1,2\n3,4", id="no end of line at the end"),
        pytest.param("a,b\r\n1,2\r\n3,4\r\n", id="Windows"),
        pytest.param("a,b\r1,2\r3,4\r", id="carriage returns alone"),
        pytest.param("a,b\n1,2\r\n3,4\r", id="mixed"),
        pytest.param("\n\na,b\n\n1,2\n   \n3,4\n\n", id="blank lines"),
        pytest.param('"a","b"\n"1","2"\n"3","4"\n', id="all quoted"),
        pytest.param("a, b\n1, 2\n3, 4\n", id="comma and blank"),
        pytest.param(" a ,\tb\t\n  1  ,2 \n3\t, 4 \n", id="padded"),
        pytest.param(' "a" , "b"\n "1",\t"2" \n3,"4"\t\n', id="blanks around quotes"),
    ],
)
def test_rows_are_the_same_however_they_are_written(read: Any, text: str) -> None:
    assert read(text).to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}


def test_blanks_within_quotes_and_within_texts_stay(read: Any) -> None:
    text = 'a,b\n" x ", hello world \n" ,\t",a\tb\n'
    assert read(text).to_pydict() == {"a": [" x ", " ,\t"], "b": ["hello world", "a\tb"]}


def test_a_separator_is_not_a_blank(read: Any) -> None:
    assert read("a\tb\n 1\t\n\t2 \n", separator="\t").to_pydict() == {"a": ["1", None], "b": [None, "2"]}
    assert read("a b\n1 2\n", separator=" ").to_pydict() == {"a": ["1"], "b": ["2"]}


def test_quoted_cells_hold_separators_quotes_and_lines(read: Any) -> None:
    text = 'a,b\n"x, y","say ""hi"""\n"Dear\nsir","two\r\nlines"\n"""",z\n'
    expected = {"a": ["x, y", "Dear\nsir", '"'], "b": ['say "hi"', "two\r\nlines", "z"]}
    assert read(text).to_pydict() == expected


def test_the_spec_says_which_quote_counts(read: Any) -> None:
    assert read("a,b\n'x, y',5\"\n", quote="'").to_pydict() == {"a": ["x, y"], "b": ['5"']}
    assert read('a,b\n5" pipe,"x\n', quote="").to_pydict() == {"a": ['5" pipe'], "b": ['"x']}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('a,b\n1,2\n3,"x\n5,6\n7,8\n', "line 3: the quote that opens here never closes", id="unclosed"),
        pytest.param('a,b\n1,"x', "line 2: the quote that opens here never closes", id="unclosed in the last row"),
        pytest.param('"a,b\n1,2\n', "line 1: the quote that opens here never closes", id="unclosed in the header"),
        pytest.param('a,b\r1,2\r3,"x\r', "line 3: the quote that opens here never", id="unclosed, carriage returns"),
        pytest.param('a,b\n\n"1\n\n2","x"y\n', "line 5: the quote that opens here closes within its cell", id="early"),
        pytest.param('a,b\n1,5" pipe\n', "line 2: a quote stands within a cell", id="inches"),
        pytest.param('a,b\n1,5" pipe\n2,6" pipe\n', "line 2: a quote stands within a cell", id="a pair of inches"),
        pytest.param('a,b\n1,"he said "hi""\n', "line 2: the quote that opens here closes within", id="not doubled"),
        pytest.param('a,b\n1,"x \\"y\\""\n', "line 2: the quote that opens here closes within", id="backslashes"),
        pytest.param('a,b\n1,"x\n2,"y"\n', "line 2: .* closes on line 3 within a cell", id="closed by the next row"),
        pytest.param('a,b\n1,x""y\n', "line 2: a quote stands within a cell", id="doubled outside of quotes"),
    ],
)
def test_a_stray_quote_is_refused_with_the_line_that_it_opens_on(refused: Any, text: str, message: str) -> None:
    said = refused(text)
    assert said.startswith("t.csv, ")
    assert re.search(message, said), said
    assert 'source.quote = ""' in said


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param('a,b\n1,"x\n2,y\n3,z"\n4,w\n', (2, 4), id="a row within"),
        pytest.param('a,b,c\n1,"x,y\n2,z",w\n3,4,5\n', (2, 3), id="two halves of rows"),
        pytest.param('a,b\n"1,x\n2","y, z"\n', (2, 3), id="two halves beside a quoted cell"),
        pytest.param('a,b\r\n1,"x\r\n2,y\r\n3,z"\r\n', (2, 4), id="Windows"),
        pytest.param('a,b\n1,"x, ""y""\n2,y\n3,z"\n', (2, 4), id="doubled quotes within"),
    ],
)
def test_a_quoted_cell_that_holds_what_looks_like_rows_is_refused(
    refused: Any, text: str, lines: tuple[int, int]
) -> None:
    said = refused(text)
    assert f"line {lines[0]}: the quoted cell that opens here ends on line {lines[1]}" in said
    assert "source.multiline = true" in said


def test_the_spec_may_say_that_cells_hold_lines(read: Any) -> None:
    assert read('a,b\n1,"x\n2,y\n3,z"\n4,w\n', multiline=True)["b"].to_pylist() == ["x\n2,y\n3,z", "w"]


def test_a_cell_of_three_megabytes_is_read(read: Any) -> None:
    long = "x" * 3_000_000
    assert read(f"a,b\n1,{long}\n2,y\n")["b"].to_pylist() == [long, "y"]
    lines = "word\n" * 600_000
    assert read(f'a,b\n1,"{lines}"\n2,y\n')["b"].to_pylist() == [lines, "y"]


def test_a_row_that_is_too_long_is_refused_with_its_line(refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LONGEST_ROW", 5 << 20)
    assert "line 3: the row has more than 5 MB" in refused(f"a,b\n1,2\n2,{'x' * (14 << 20)}\n")
    assert "line 3: the quote that opens here never closes" in refused(f'a,b\n1,2\n2,"{"x" * (14 << 20)}\n')


@pytest.mark.parametrize("text", ["a,b\n1,\0\n", "a,b\n1,x\0y\n"])
def test_a_nul_is_refused_with_its_line(refused: Any, text: str) -> None:
    assert refused(text) == "t.csv, line 2: a NUL byte stands in the text: take it out"


def _table(draw: random.Random, dialect: dict[str, str]) -> tuple[str, list[list[str]]]:
    """A random table as text, with blanks and quotes wherever they do not count, and its cells."""
    separator, quote, end = dialect["separator"], dialect["quote"], dialect["end"]
    blanks = " " if separator == "\t" else " \t"
    letters = "ab1 .é😀" + draw.choice(["", separator, quote, separator + quote, "\n", "\n" + separator])
    columns = draw.randint(2, 5)
    rows = [[f"c{column}" for column in range(columns)]]
    rows += [
        ["".join(draw.choices(letters, k=draw.choice([0, 1, 2, 5, 9]))) for _ in range(columns)]
        for _ in range(draw.randint(1, 12))
    ]
    lines, cells = [], []
    for row in rows:
        texts, expected = [], []
        for cell in row:
            must = any(character in cell for character in (separator, quote, "\n"))
            quoted = must or draw.random() < 0.3
            pads = ["".join(draw.choices(blanks, k=draw.choice([0, 0, 2]))) for _ in range(2)]
            texts.append(pads[0] + (quote + cell.replace(quote, quote * 2) + quote if quoted else cell) + pads[1])
            expected.append(cell if quoted else cell.strip(blanks))
        lines.append(separator.join(texts))
        cells.append(expected)
        lines += [draw.choice(["", blanks])] * (draw.random() < 0.1)
    return end.join(lines) + draw.choice(["", end]), cells


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4))])
def test_any_table_is_read_whatever_the_size_of_blocks(read: Any, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    monkeypatch.setattr(reader, "check_header_separator", lambda *_: None)  # it would judge by a block of one byte
    for _ in range(30):
        dialect = {
            "separator": draw.choice(",;\t|"),
            "quote": draw.choice("\"'"),
            "end": draw.choice(["\n", "\r\n", "\r"]),
        }
        text, cells = _table(draw, dialect)
        monkeypatch.setattr(reader, "BLOCK", draw.choice([1, 2, 3, 7, 50, 1 << 20]))
        monkeypatch.setattr(reader, "_PARSED_AT_ONCE", draw.choice([10, 64, 1 << 20]))
        found = read(text, separator=dialect["separator"], quote=dialect["quote"], multiline=True, missing=[])
        assert [found.column_names, *map(list, zip(*found.to_pydict().values(), strict=True))] == cells, repr(text)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_no_row_is_lost_in_silence_where_a_quote_is_lost_or_added(read: Any, refused: Any, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(100):
        rows = [
            draw.choices(["note 1", "x", "3.5", "hello, world", 'said "hi"', ""], k=4)
            for _ in range(draw.randint(2, 30))
        ]
        sheet = io.StringIO()
        writer = csv.writer(sheet, quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), lineterminator="\n")
        writer.writerows([["a", "b", "c", "d"], *rows])
        text = sheet.getvalue()
        quotes = [place for place, character in enumerate(text) if character == '"' and place > text.index("\n")]
        if quotes and draw.random() < 0.5:
            place = draw.choice(quotes)
            broken = text[:place] + text[place + 1 :]
        else:
            place = draw.randint(text.index("\n") + 1, len(text) - 1)
            broken = text[:place] + '"' + text[place:]
        try:
            found = read(broken).num_rows
        except Exception:  # noqa: BLE001 - refused: as one sentence
            assert "line " in refused(broken)
        else:
            assert found == len(rows), repr(broken)
