from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_training_pipeline.data.table import Table

Stored = Callable[[Any], Table]


@pytest.mark.parametrize("repeating", [False, True], ids=["each stored", "stored by a dictionary"])
def test_the_runs_of_a_column_are_its_rows_in_their_order(stored: Stored, repeating: bool) -> None:
    texts = [None if row % 11 == 0 else f"t{row % 7 if repeating else row}" for row in range(250_000)]
    table = stored(pa.table({"x": texts, "y": np.arange(250_000)}))
    found: list[Any] = []
    for cells in table.runs("x"):
        assert cells.start == len(found)
        assert (cells.positions is not None) is repeating
        values = np.array(cells.values.to_pylist(), dtype=object)
        found += cells.spread(values, None).tolist()
        assert cells.counts.sum() == sum(value is not None for value in found[cells.start :])
    assert found == texts
    assert table.rows == 250_000
    assert table.names == ["x", "y"]
    assert table.column("x").kind == pa.string()


def test_the_runs_of_several_columns_are_of_the_same_rows(stored: Stored) -> None:
    table = stored(pa.table({"x": [str(row % 3) for row in range(150_000)], "y": np.arange(150_000)}))
    assert [(cells.start, len(cells)) for cells in table.runs("x")] == [
        (cells.start, len(cells)) for cells in table.runs("y")
    ]


@pytest.mark.parametrize("name", ["a.b", "a", "list.element", 'q"', "\u00e9"])
def test_a_column_is_found_by_its_name_whatever_it_is_called(stored: Stored, name: str) -> None:
    others = {"a.b": [1, 2], "a": [3, 4], "list": [[5], [6]], "list.element": [7, 8], 'q"': [9, 10], "\u00e9": [11, 12]}
    found = next(stored(pa.table(others)).column(name).runs())
    assert found.values.to_pylist() == others[name]
