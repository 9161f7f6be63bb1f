import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_training_pipeline.data.sources import open_table
from pyarrow import csv


def test_cells_stay_text_and_what_the_spec_calls_missing_is_null(read: Any) -> None:
    found = read('zip;n\n"01234";1\n;NA\n - ;2\n', separator=";", missing=["", "-"])
    assert found.to_pydict() == {"zip": ["01234", None, None], "n": ["1", "NA", "2"]}


def test_blanks_around_what_is_missing_do_not_count_in_the_spec_either(read: Any) -> None:
    assert read("a,b\n1,-\n2, - \n", missing=[" -"])["b"].to_pylist() == [None, None]


def test_an_empty_cell_is_a_text_where_the_spec_does_not_call_it_missing(read: Any) -> None:
    assert read("a,b\n1,\n", missing=["NA"])["b"].to_pylist() == [""]


@pytest.mark.parametrize("first", [0, 1, 100])
def test_a_first_column_without_name_that_counts_rows_is_left_out(read: Any, first: int) -> None:
    rows = "".join(f"{first + row},x{row}\n" for row in range(50_000))
    found = read(f",a\n{rows}")
    assert found.column_names == ["a"]
    assert found["a"][-1].as_py() == "x49999"


@pytest.mark.parametrize("cells", ["7,1\n3,2\n", "x,1\ny,2\n", ",1\n,2\n", "0,1\n0,2\n"])
def test_a_first_column_without_name_that_counts_nothing_is_refused(refused: Any, cells: str) -> None:
    assert refused(f",a\n{cells}") == "t.csv, line 1: column 1 has no name: give it one"


def test_a_clean_file_costs_about_what_pyarrow_takes_for_it(spec: Any, tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    columns = {f"c{number}": draw.normal(size=150_000).round(6) for number in range(10)}
    csv.write_csv(pa.table(columns), tmp_path / "t.csv")

    def seconds(read: Callable[[], object]) -> float:
        started = time.process_time()
        read()
        return time.process_time() - started

    made = spec(source={"path": "t.csv"})
    ours = min(seconds(lambda: list(open_table(made, tmp_path, {}).batches)) for _ in range(5))
    theirs = min(seconds(lambda: csv.read_csv(tmp_path / "t.csv")) for _ in range(5))
    assert ours < 4 * theirs  # measured: 0.6 to 1.1 times
