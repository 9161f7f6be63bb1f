from typing import Any

import pyarrow as pa
import pytest
from mlyard_training_pipeline.data.columns import numbers
from mlyard_training_pipeline.data.columns.cells import matches
from mlyard_training_pipeline.data.columns.numbers import NumberForm

GERMAN = NumberForm(decimal=",", thousands=".")
UNITS = NumberForm(units=("%", "€", "kg", "m2"))


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        pytest.param(GERMAN, "1.250,80", 1250.80, id="thousands and decimals"),
        pytest.param(GERMAN, "1250,80", 1250.80, id="thousands left out"),
        pytest.param(GERMAN, "-1.000.000", -1e6, id="millions"),
        pytest.param(GERMAN, ",5", 0.5, id="decimals alone"),
        pytest.param(GERMAN, "7", 7, id="digits alone"),
        pytest.param(GERMAN, "1,5e3", 1500, id="exponent"),
        pytest.param(GERMAN, "007,5", 7.5, id="leading zeros"),
        pytest.param(GERMAN, "1.25.0", None, id="misplaced groups"),
        pytest.param(GERMAN, "12.50", None, id="a group of two"),
        pytest.param(GERMAN, "1250.800", None, id="a group too long"),
        pytest.param(GERMAN, "1,250.80", None, id="the other way round"),
        pytest.param(GERMAN, "1,2,3", None, id="two decimal commas"),
        pytest.param(GERMAN, ".5", None, id="a point before decimals"),
        pytest.param(NumberForm(decimal=","), "10.80", None, id="a point where commas are decimals"),
        pytest.param(NumberForm(decimal=","), "10,80", 10.8, id="decimal comma"),
        pytest.param(NumberForm(thousands=","), "1,234,567.5", 1234567.5, id="English thousands"),
        pytest.param(NumberForm(thousands=","), "1,5", None, id="not a group"),
        pytest.param(NumberForm(thousands=" "), "1 234 567", 1234567, id="blanks"),
        pytest.param(NumberForm(thousands=" "), "1\u00a0234\u202f567", 1234567, id="blanks that do not break"),
        pytest.param(NumberForm(thousands="'"), "1'234.5", 1234.5, id="apostrophes"),
        pytest.param(NumberForm(thousands="'"), "1\u2019234.5", 1234.5, id="typographic apostrophes"),
        pytest.param(NumberForm(thousands="_"), "1_000", 1000, id="underscores"),
        pytest.param(UNITS, "12 %", 12, id="percent"),
        pytest.param(UNITS, "12%", 12, id="percent without a blank"),
        pytest.param(UNITS, "€ 10.80", 10.8, id="currency before"),
        pytest.param(UNITS, "-€10.80", -10.8, id="sign before the currency"),
        pytest.param(UNITS, "€ -10.80", -10.8, id="sign after the currency"),
        pytest.param(UNITS, "12.5kg", 12.5, id="letters"),
        pytest.param(UNITS, "80 m2", 80, id="unit with a digit"),
        pytest.param(UNITS, "7", 7, id="without its unit"),
        pytest.param(UNITS, "12 g", None, id="another unit"),
        pytest.param(UNITS, "%", None, id="unit alone"),
        pytest.param(UNITS, "+-7", None, id="two signs"),
        pytest.param(NumberForm(",", ".", ("€",)), "€ 1.250,80", 1250.8, id="all of it"),
    ],
)
def test_a_text_is_read_in_the_form_that_the_spec_names(form: NumberForm, text: str, number: float | None) -> None:
    found = numbers.numbers(pa.array([text]), form)
    assert [code for code, _ in found.faults] == ([] if number is not None else ["wrong_type"])
    if number is not None:
        assert found.values.tolist() == [number]


@pytest.mark.parametrize(
    ("form", "text", "kinds"),
    [
        pytest.param(GERMAN, "1.250", {"integer", "number", "any"}, id="thousands are integers"),
        pytest.param(GERMAN, "1.250,5", {"number", "any"}, id="decimals are numbers"),
        pytest.param(GERMAN, "01.250", {"any"}, id="a leading zero is not inferred"),
        pytest.param(GERMAN, "007", {"any"}, id="nor are several"),
        pytest.param(GERMAN, "1.25", set(), id="misplaced"),
        pytest.param(UNITS, "12 %", {"integer", "number", "any"}, id="a unit does not count"),
    ],
)
def test_a_type_is_inferred_in_the_form_that_the_spec_names(form: NumberForm, text: str, kinds: set[str]) -> None:
    patterns = {"integer": form.integer, "number": form.number, "any": form.any_number}
    assert {kind for kind, pattern in patterns.items() if matches(pa.array([text]), pattern)[0]} == kinds


@pytest.mark.parametrize("cells", [[None, None], []], ids=["nulls", "no rows"])
def test_nothing_is_read_as_nothing(cells: list[Any]) -> None:
    for form in (NumberForm(), GERMAN, UNITS):
        found = numbers.numbers(pa.array(cells, pa.string()), form)
        assert found.faults == ()
        assert all(value != value for value in found.values)
