import json
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS, ColumnType, dates
from mlyard_shared.columns.examples import EXAMPLES, Example
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.schema import Column

OF_REQUESTS = [example for example in EXAMPLES if example.json is not None]


def column(example: Example, *, nullable: bool = False) -> Column:
    categories = ("known",) if example.type == "category" else ()
    return Column(name="x", type=example.type, nullable=nullable, categories=categories, unseen="accept")


def name(example: Example) -> str:
    return f"{example.type} {str(example.json)[:30]}"


@pytest.mark.parametrize("example", OF_REQUESTS, ids=name)
def test_a_value_of_a_request_is_taken_or_refused_by_its_fault(example: Example) -> None:
    value = json.loads(str(example.json))
    fault = cells.fault(column(example), value, GRAMMARS[2])
    assert (fault and fault.code) == example.fault


@pytest.mark.parametrize("example", OF_REQUESTS, ids=name)
def test_a_whole_column_says_the_same_as_its_values_one_by_one(example: Example) -> None:
    values = [json.loads(str(example.json)), None]
    if example.fault is not None:
        with pytest.raises(cells.DoesNotFit):
            cells.array(column(example, nullable=True), values, GRAMMARS[2])
        return
    array = cells.array(column(example, nullable=True), values, GRAMMARS[2])
    expected = np.datetime64(str(example.value), "us") if example.type == "datetime" else example.value
    assert array[0] == expected
    assert array[1] is None or array[1] != array[1]


def test_a_null_is_refused_where_the_training_had_none() -> None:
    example = EXAMPLES[0]
    fault = cells.fault(column(example), None, GRAMMARS[2])
    assert fault is not None
    assert fault.code == "null"
    with pytest.raises(cells.DoesNotFit):
        cells.array(column(example), [None], GRAMMARS[2])


KINDS: tuple[ColumnType, ...] = get_args(ColumnType)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**53, 2**53 - 1, 2**53 + 1, -(2**53), 10**400, MAX_NUMBER, -MAX_NUMBER, MAX_NUMBER * 1.0000001]),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([str(json.loads(str(example.json))) for example in OF_REQUESTS if example.type == "datetime"]),
)


@given(st.sampled_from(KINDS), st.booleans(), st.lists(VALUES, min_size=1, max_size=5), st.sampled_from([1, 2]))
@settings(max_examples=500, deadline=None, database=None)
def test_a_column_fits_where_each_of_its_values_does(
    kind: ColumnType, nullable: bool, values: list[Any], version: int
) -> None:
    categories = ("known",) if kind == "category" else ()
    column = Column(name="x", type=kind, nullable=nullable, categories=categories, unseen="accept")
    wrong = list(cells.faults(column, values, GRAMMARS[version]))
    try:
        array = cells.array(column, values, GRAMMARS[version])
    except cells.DoesNotFit:
        assert wrong
        return
    assert not wrong
    expected: list[Any] = [np.nan if value is None and kind != "datetime" else value for value in values]
    if kind == "datetime":
        moments = [None if value is None else dates.moment(value, GRAMMARS[version].date) for value in values]
        np.testing.assert_array_equal(array, np.array(moments, dtype="datetime64[us]"))
    elif kind == "category":
        assert array.tolist() == values
    else:
        assert array.tobytes() == np.array(expected, dtype=np.float64).tobytes()


NUMERIC = st.one_of(st.none(), st.integers(-(2**54), 2**54), st.floats(allow_nan=False), st.booleans())


@given(st.lists(st.tuples(NUMERIC, NUMERIC, NUMERIC), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None, database=None)
def test_numbers_are_checked_as_one_block_as_they_are_by_column(rows: list[tuple[Any, ...]]) -> None:
    kinds: tuple[ColumnType, ...] = ("integer", "number", "boolean")
    columns = [Column(name=kind, type=kind, nullable=True) for kind in kinds]
    by_column = list(zip(*rows, strict=True))
    if not all(cells.types_fit(column, values) for column, values in zip(columns, by_column, strict=True)):
        return
    numbers = cells.Numbers(columns, GRAMMARS[2])
    try:
        expected = [cells.array(*pair, GRAMMARS[2]) for pair in zip(columns, by_column, strict=True)]
    except cells.DoesNotFit:
        with pytest.raises(cells.DoesNotFit):
            numbers.by_row(rows)
        with pytest.raises(cells.DoesNotFit):
            numbers.by_column(by_column, rows=len(rows))
        return
    for block in (numbers.by_row(rows), numbers.by_column(by_column, rows=len(rows))):
        assert block.tobytes() == np.array(expected).tobytes()


ALIKE = [example for example in EXAMPLES if example.type == "datetime" and example.text is not None]
LENGTHS = sorted({len(str(example.text)) for example in ALIKE})


@pytest.mark.parametrize("example", ALIKE, ids=lambda example: repr(example.text)[:40])
def test_many_dates_are_read_as_one_is(example: Example) -> None:
    text = str(example.text)
    # Others of its length, in whose company it is read at once.
    right = [str(other.text) for other in ALIKE if other.fault is None and len(str(other.text)) == len(text)]
    company = [f"{year}{other[4:]}" for other in right for year in range(2001, 2099) if other[5:10] != "02-29"]
    if example.fault is not None:
        with pytest.raises((ValueError, OverflowError)):
            dates.all_microseconds([*company, text])
        return
    found = dates.all_microseconds([*company, text])
    assert found.tolist() == [dates.microseconds(other) for other in [*company, text]]
    assert found[-1] == (np.datetime64(str(example.value), "us")).astype(np.int64)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_wrong_character_among_many_dates_is_seen_wherever_it_stands(length: int) -> None:
    right = [str(other.text) for other in ALIKE if other.fault is None and len(str(other.text)) == length]
    company = [f"{year}{other[4:]}" for other in right[:1] for year in range(2001, 2099) if other[5:10] != "02-29"]
    for place in range(length):
        for character in "0/:9-T Z+é\0٣":
            for text in right[:1]:
                changed = text[:place] + character + text[place + 1 :]
                try:
                    expected = dates.moment(changed)
                except (ValueError, OverflowError):
                    with pytest.raises((ValueError, OverflowError)):
                        dates.all_microseconds([*company, changed])
                else:
                    [found] = dates.all_microseconds([*company, changed])[-1:]
                    assert found == np.datetime64(expected, "us").astype(np.int64)
