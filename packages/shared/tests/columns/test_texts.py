from datetime import datetime

import pytest
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS, ColumnType, dates, texts
from mlyard_shared.columns.examples import EXAMPLES, INFERRED, Example, Inferred
from mlyard_shared.schema import Column

COLUMNS: dict[ColumnType, Column] = {
    "integer": Column(name="x", type="integer", nullable=False),
    "number": Column(name="x", type="number", nullable=False),
    "boolean": Column(name="x", type="boolean", nullable=False),
    "datetime": Column(name="x", type="datetime", nullable=False),
    "category": Column(name="x", type="category", nullable=False, categories=("known",), unseen="accept"),
}
OF_TABLES = [example for example in EXAMPLES if example.text is not None]


def name(example: Example | Inferred) -> str:
    return f"{example.type} {str(example.text)[:30]!r}"


def read(example: Example) -> tuple[object, str | None]:
    """A text's value within the limits, or the code of what is wrong."""
    text, kind = str(example.text), example.type
    try:
        value = texts.value(text, kind)
    except OverflowError:
        return None, "out_of_range"
    except ValueError:
        return None, "bad_date" if kind == "datetime" else "wrong_type"
    # Dates and categories are texts in a request too.
    fault = cells.fault(COLUMNS[kind], text if kind in ("datetime", "category") else value, GRAMMARS[2])
    return (None, fault.code) if fault else (value, None)


@pytest.mark.parametrize("example", OF_TABLES, ids=name)
def test_a_text_of_a_table_is_read_as_its_type_or_refused(example: Example) -> None:
    value, fault = read(example)
    assert fault == example.fault
    assert value == example.value
    assert fault is not None or type(value) is type(example.value)


@pytest.mark.parametrize("example", INFERRED, ids=name)
def test_a_text_has_the_type_that_its_column_would_be_given(example: Inferred) -> None:
    assert texts.inferred_type(example.text) == example.type


@pytest.mark.parametrize("example", [e for e in OF_TABLES if e.fault is None and e.type == "datetime"], ids=name)
def test_a_date_that_trains_has_a_form_that_can_be_inferred(example: Example) -> None:
    assert texts.inferred_type(str(example.text)) == "datetime"


def test_every_type_has_examples_that_are_read_and_examples_that_are_refused() -> None:
    kinds = {(example.type, example.fault is None) for example in EXAMPLES}
    assert kinds == {(kind, fits) for kind in COLUMNS for fits in (True, False)}


def test_an_offset_is_written_with_colons_or_without() -> None:
    for text in ("2024-01-31T10:20:30+01:0015", "2024-01-31T10:20:30+0100:15"):
        assert dates.FORM.fullmatch(text) is None
    assert dates.moment("2024-01-31T10:20:30+010015") == datetime(2024, 1, 31, 9, 20, 15)  # noqa: DTZ001
