"""The vectorised grammar says of every example what the shared one says, whatever stands beside it in the column."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.columns import ColumnType
from mlyard_shared.columns.examples import EXAMPLES, Example
from mlyard_shared.errors import TableError
from mlyard_training_pipeline.data.columns import Cells
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.values import Reader

OF_TABLES = [example for example in EXAMPLES if example.text is not None]
TYPES: tuple[ColumnType, ...] = ("integer", "number", "boolean", "datetime", "category")
PLAIN = NumberForm()


def name(example: Example) -> str:
    return f"{example.type} {str(example.text)[:30]!r}"


def stored(example: Example, reader: Reader) -> Any:
    """What an example's value is stored as."""
    if isinstance(example.value, datetime):
        return np.datetime64(example.value.isoformat(), "us").astype(np.int64)
    return reader.categories.texts.to_pylist().index(example.value) if example.type == "category" else example.value


@pytest.mark.parametrize("example", OF_TABLES, ids=name)
def test_an_example_is_read_or_refused_as_the_shared_grammar_does(example: Example) -> None:
    reader = Reader(example.type, PLAIN)
    found = reader.read(Cells.of(pa.array([None, example.text, None])))
    assert list(reader.faults) == ([example.fault] if example.fault else [])
    if example.fault is None:
        assert found[1] == stored(example, reader)
    else:
        assert reader.faults[example.fault].row == 2
        assert reader.faults[example.fault].texts == [example.text]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("repeating", [False, True], ids=["each stored", "stored by a dictionary"])
def test_all_examples_of_a_type_in_one_column_say_the_same_as_one_by_one(kind: ColumnType, repeating: bool) -> None:
    examples = [example for example in OF_TABLES if example.type == kind]
    draw = np.random.default_rng(3)
    order = draw.integers(0, len(examples), 500)
    cells = pa.array([None if row % 7 == 0 else examples[at].text for row, at in enumerate(order)])
    reader = Reader(kind, PLAIN)
    # Runs that begin within a longer array, as those of a file do.
    runs = [cells.slice(0, 123), cells.slice(123, 0), cells.slice(123)]
    starts = [0, 123, 123]
    found = np.concatenate(
        [
            reader.read(Cells.of(run.dictionary_encode() if repeating else run, start))
            for run, start in zip(runs, starts, strict=True)
        ]
    )
    wrong: dict[str, list[int]] = {}
    for row, at in enumerate(order):
        example = examples[at]
        if row % 7 == 0:
            assert found[row] != found[row] or found[row] in (-1, np.iinfo(np.int64).min)
        elif example.fault is None:
            assert found[row] == stored(example, reader), example
        else:
            wrong.setdefault(example.fault, []).append(row)
    assert {code: (fault.row - 1, fault.rows) for code, fault in reader.faults.items()} == {
        code: (rows[0], len(rows)) for code, rows in wrong.items()
    }


@pytest.mark.parametrize(
    ("cells", "kind", "found"),
    [
        pytest.param(pa.array([1, None], pa.int8()), "integer", [1, None], id="small integers"),
        pytest.param(pa.array([1.0, float("nan")]), "integer", [1, None], id="whole floats"),
        pytest.param(pa.array([0.1, None], pa.float32()), "number", [np.float32(0.1).item(), None], id="float32"),
        pytest.param(pa.array([0.5], pa.float16()), "number", [0.5], id="float16"),
        pytest.param(pa.array(["1.10"]).cast(pa.decimal128(20, 2)), "number", [1.1], id="decimals"),
        pytest.param(pa.array([True, None]), "number", [1, None], id="booleans as numbers"),
        pytest.param(pa.array([1, 0, None]), "boolean", [1, 0, None], id="integers as booleans"),
        pytest.param(pa.array([1.0, 0.0]), "boolean", [1, 0], id="floats as booleans"),
    ],
)
def test_typed_columns_are_read_as_numbers(cells: Any, kind: ColumnType, found: list[float | None]) -> None:
    reader = Reader(kind, PLAIN)
    values = reader.read(Cells.of(cells))
    assert [None if value != value else value for value in values.tolist()] == found
    assert not reader.faults


def test_a_decimal_becomes_the_nearest_float64() -> None:
    texts = ["0.1", "123456789.123456789", "99999999999999.999999", "-0.000001"]
    cells = pa.array(texts).cast(pa.decimal128(38, 10))
    assert Reader("number", PLAIN).read(Cells.of(cells)).tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    ("cells", "kind", "code"),
    [
        pytest.param(pa.array([2**53]), "integer", "out_of_range", id="2^53"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), "integer", "out_of_range", id="uint64"),
        pytest.param(pa.array([1.5]), "integer", "wrong_type", id="fraction"),
        pytest.param(pa.array([1e39]), "number", "out_of_range", id="beyond float32"),
        pytest.param(pa.array([float("inf")]), "number", "not_finite", id="infinite"),
        pytest.param(pa.array([2]), "boolean", "wrong_type", id="two"),
        pytest.param(pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "datetime", "out_of_range", id="far day"),
        pytest.param(pa.array([10**17]).view(pa.date64()), "datetime", "out_of_range", id="far day in milliseconds"),
        pytest.param(pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "category", "out_of_range", id="as category"),
        pytest.param(pa.array(["<missing>"]).dictionary_encode(), "category", "bad_text", id="reserved"),
    ],
)
def test_typed_values_beyond_the_limits_are_refused(cells: Any, kind: ColumnType, code: str) -> None:
    reader = Reader(kind, PLAIN)
    reader.read(Cells.of(cells, start=41))
    assert list(reader.faults) == [code]
    assert reader.faults[code].row == 42


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        pytest.param(pa.array([[1]]), "number", id="lists"),
        pytest.param(pa.array([b"a"]), "number", id="octets"),
        pytest.param(pa.array([1]), "datetime", id="integers as dates"),
        pytest.param(pa.array([1], pa.timestamp("s")), "number", id="dates as numbers"),
        pytest.param(pa.array([1], pa.time32("s")), "datetime", id="times of day"),
        pytest.param(pa.array([1], pa.duration("s")), "number", id="durations"),
        pytest.param(pa.array([b"a"]), "category", id="octets as texts"),
        pytest.param(pa.array([{"a": 1}]), "category", id="records as texts"),
    ],
)
def test_what_is_stored_as_something_else_is_refused_by_its_type(cells: Any, kind: ColumnType) -> None:
    with pytest.raises(TableError, match="is stored as"):
        Reader(kind, PLAIN).read(Cells.of(cells))


def test_a_text_that_is_not_utf_8_is_refused_with_its_row() -> None:
    broken = pa.array([b"good", b"\xff\xfe", b"\xed\xa0\x80"]).cast(pa.string(), safe=False)
    broken = pa.Array.from_buffers(pa.string(), 3, broken.buffers())
    reader = Reader("category", PLAIN)
    reader.read(Cells.of(broken))
    assert reader.faults["bad_text"].row == 2
    assert reader.faults["bad_text"].rows == 2


def test_categories_get_codes_in_the_order_in_which_they_come() -> None:
    reader = Reader("category", PLAIN)
    first = reader.read(Cells.of(pa.array(["b", None, "a"])))
    second = reader.read(Cells.of(pa.array(["c", "a"]).dictionary_encode(), start=3))
    assert [*first.tolist(), *second.tolist()] == [0, -1, 1, 2, 1]
    assert reader.categories.texts.to_pylist() == ["b", "a", "c"]


def test_categories_of_typed_columns_are_their_canonical_texts() -> None:
    reader = Reader("category", PLAIN)
    for cells in (pa.array([1.0, 2.5, float("nan")]), pa.array([True]), pa.array([0], pa.date32())):
        reader.read(Cells.of(cells))
    assert reader.categories.texts.to_pylist() == ["1", "2.5", "true", "1970-01-01T00:00:00"]


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        pytest.param(pa.array([2**31 - 1], pa.int32()).cast(pa.date32()), "5881580-07-11", id="date beyond Python's"),
        pytest.param(pa.array([-(2**60)], pa.timestamp("us")), "-34565", id="moment beyond Python's"),
        pytest.param(pa.array(["0000-01-01" + "x" * 90]), "'0000-01-01xxx", id="long text"),
        pytest.param(pa.array(["line\nbreak"]), r"'line\nbreak'", id="line break"),
    ],
)
def test_a_value_that_is_refused_is_shown_whatever_it_is(cells: Any, shown: str) -> None:
    reader = Reader("datetime", PLAIN)
    reader.read(Cells.of(cells))
    (fault,) = reader.faults.values()
    assert fault.shown.startswith(shown)
    assert len(fault.shown) <= 40
