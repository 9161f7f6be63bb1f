import re
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a,b\n1,2,3\n4,5\n",
            't.csv, line 2: the row has 3 cells, but the header on line 1 has 2: put a cell that holds "," in quotes',
            id="too many",
        ),
        pytest.param(
            "a,b\n1\n2,3\n",
            "t.csv, line 2: the row has 1 cell, but the header on line 1 has 2: complete it, or take it out",
            id="too few",
        ),
        pytest.param(
            'a,b\n"x\ny",1\n\n3\n4,5\n', "line 5: the row has 1 cell, but the header on line 1", id="line breaks"
        ),
        pytest.param("a,b\r\n1,2\r\n\r\n3\r\n4,5\r\n", "line 4: the row has 1 cell", id="Windows"),
        pytest.param("a,b\r1,2\r3\r4,5\r", "line 3: the row has 1 cell", id="carriage returns"),
        pytest.param("a , b\n 1 , 2 \n 3 \n4,5\n", "line 3: the row has 1 cell", id="blanks"),
        pytest.param("Report\n\na,b\n1,2\n", "line 3: .* on line 1 has 1: take out what stands above", id="title"),
        pytest.param("a,b\r\n1,2,\r\n3,4,\r\n", "line 2: .* take the separator at the end of the rows out$", id="end"),
        pytest.param("a,b\n1,2\nTotal\n", "line 3: .* take it out if it is a total or a note below", id="total"),
        pytest.param(
            "a,b\n1,2\n\nexported by X\n\n", "line 4: .* if it is a total or a note below the table", id="note"
        ),
        pytest.param("a,b\n" + "1,2\n" * 2_000_000 + "Total\n", "line 2000002: .* a total", id="total of a long table"),
        pytest.param("a,b\n" + "1,2\n" * 2_000_000 + "3\n4,5\n", "line 2000002: .* take it out$", id="late"),
        pytest.param("a, b;c\n1, 2, 3;4\n5;6\n", 'source.separator = ";"', id="another separator fits"),
    ],
)
def test_a_row_of_another_length_is_refused_with_its_line(refused: Any, text: str, message: str) -> None:

    said = refused(text)
    assert re.search(message, said), said


@pytest.mark.parametrize("label", ["Total", "TOTAL:", "Summe", "Grand total"])
def test_a_total_below_the_table_is_refused_with_its_line(refused: Any, label: str) -> None:
    said = refused(f"a,b,c\n1,2,3\n4,5,6\n{label},,9\n\n")
    assert said == "t.csv, line 4: the last row is a total of the rows above it: take it out"


def test_a_row_may_be_called_total_where_it_is_a_row(read: Any) -> None:
    assert read("a,b\nTotal,\nx,1\nTotal,\n").num_rows == 3
    assert read("a,b\nx,1\nTotal,2\n").num_rows == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a,b\na,b\n1,2\n", 2, id="at once"),
        pytest.param("a,b\n1,2\n\n3,4\n a , b \n5,6\n", 5, id="amid rows and blank lines"),
        pytest.param('a,b\n"x\ny",2\n"a",b\n', 4, id="below line breaks"),
        pytest.param("a,b\n" + "1,2\n" * 2_000_000 + "a,b\n3,4\n", 2_000_002, id="late"),
    ],
)
def test_a_header_that_comes_again_is_refused_with_its_line(refused: Any, text: str, line: int) -> None:
    assert refused(text) == f"t.csv, line {line}: the header stands here again: take the line out"


def test_a_cell_may_hold_the_name_of_its_column(read: Any) -> None:
    assert read("a,b\na,1\n2,b\n").num_rows == 2
