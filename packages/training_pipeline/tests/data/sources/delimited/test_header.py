from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "t.csv is empty", id="empty"),
        pytest.param("\ufeff", "t.csv is empty", id="byte order mark"),
        pytest.param(" \n\t\n", "t.csv is empty", id="blank lines"),
        pytest.param("a,b\n", "t.csv has no rows", id="header alone"),
        pytest.param("a,b", "t.csv has no rows", id="header alone without end of line"),
        pytest.param("a,b\n \n\n", "t.csv has no rows", id="header and blank lines"),
        pytest.param("a,a\n1,2\n", "t.csv, line 1 has two columns named 'a'", id="duplicate"),
        pytest.param("\n\na, a\n1,2\n", "t.csv, line 3 has two columns named 'a'", id="duplicate but for blanks"),
        pytest.param("é,e\u0301\n1,2\n", "'é', which differ only by the form of their Unicode characters", id="NFC"),
        pytest.param("a, ,c\n1,2,3\n", "t.csv, line 1: column 2 has no name: give it one", id="nameless"),
        pytest.param(
            "a,b,\n1,2,\n",
            "t.csv, line 1: column 3 has no name: give it one, or take the separator at the end of every line out",
            id="separator at the end",
        ),
        pytest.param(
            "Report,,\na,b,c\n1,2,3\n",
            "t.csv, line 1: 2 of 3 names are empty, as in a title: take out what stands above the header",
            id="title",
        ),
        pytest.param(
            f"{'x' * 201},b\n1,2\n", "the name of column 1 has 201 characters, and a name may have 200", id="201"
        ),
        pytest.param(f"{'x' * 200_000},b\n1,2\n", "t.csv, line 1: a name is too long for a header", id="long"),
        pytest.param("x" * (5 << 20), "t.csv, line 1: the row has more than 4 MB", id="no line at all"),
    ],
)
def test_a_header_that_is_not_one_is_refused(refused: Any, text: str, message: str) -> None:
    assert message in refused(text)


def test_a_table_of_one_row_is_read(read: Any) -> None:
    assert read("a,b\n1,2").to_pydict() == {"a": ["1"], "b": ["2"]}


def test_names_are_read_in_one_unicode_form(read: Any) -> None:
    assert read("e\u0301,b\n1,2\n").column_names == ["é", "b"]


def test_names_may_be_quoted_and_hold_separators_and_lines(read: Any) -> None:
    assert read('"size, m","two\nlines"\n1,2\n').column_names == ["size, m", "two\nlines"]
    assert read('" a ", b\n1,2\n').column_names == [" a ", "b"]


def test_a_name_is_found_with_the_blanks_that_a_spec_writes(read: Any) -> None:
    changes = {"target": " kind", "key": ["id "], "features": {}}
    assert read("id, kind, size\n1,a,2\n", changes=changes).column_names == ["id ", " kind", "size"]


@pytest.mark.parametrize(
    ("text", "said", "right"),
    [
        pytest.param("a;b\n1,5;2\n", {}, '";"', id="semicolons"),
        pytest.param("a\tb\n1\t2\n", {}, '"\\t"', id="tabs"),
        pytest.param("a|b\n1|2\n", {}, '"|"', id="bars"),
        pytest.param("a,b\n1,2\n", {"separator": ";"}, '","', id="commas"),
        pytest.param('"a";"b"\n"1";"2"\n', {}, '";"', id="quoted"),
        pytest.param("\n\na;b\n1;2\n", {}, '";"', id="below blank lines"),
        pytest.param("Name, first;b\nx, y, z;2\n", {}, '";"', id="uneven commas"),
        pytest.param("size\n1;2\n3;4\n", {}, '";"', id="only the rows"),
        pytest.param("a b\n1 2\n3 4\n", {}, '" "', id="blanks"),
        pytest.param("a:b\n1:2\n3:4\n", {}, '":"', id="colons"),
    ],
)
def test_a_wrong_separator_is_recognised(refused: Any, text: str, said: dict[str, str], right: str) -> None:
    assert refused(text, **said).endswith(f"say source.separator = {right}")


def test_the_advice_on_a_separator_can_be_pasted(read: Any, refused: Any) -> None:
    import tomllib

    advice = refused("a\tb\n1\t2\n").partition("say source.")[2]
    assert read("a\tb\n1\t2\n", **tomllib.loads(advice)).to_pydict() == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("hint", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("said", [{}, {"separator": ";"}])
def test_the_separator_that_excel_writes_into_the_first_line_counts(
    read: Any, hint: str, end: str, said: dict[str, str]
) -> None:
    assert read(f"{hint}{end}a;b{end}1,5;2{end}", **said).to_pydict() == {"a": ["1,5"], "b": ["2"]}


def test_lines_are_counted_from_the_one_of_excel_on(refused: Any) -> None:
    assert "line 3: the row has 3 cells, but the header on line 2 has 2" in refused("sep=;\na;b\n1;2;3\n")


def test_another_separator_than_excel_writes_is_refused(refused: Any) -> None:
    assert refused("sep=;\na;b\n1;2\n", separator=",").endswith("leave source.separator out")


@pytest.mark.parametrize("separator", ["§", "\n", "\r", "\0", '"'])
def test_a_separator_that_cannot_be_one_is_refused(refused: Any, separator: str) -> None:
    assert "cannot separate cells" in refused("a,b\n1,2\n", separator=separator)
