"""The two versions of the grammar, and in what they differ."""

import json
import re
import unicodedata

import numpy as np
import pytest
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMAR_VERSION, GRAMMARS, ColumnType, composed
from mlyard_shared.columns.examples import EXAMPLES
from mlyard_shared.schema import Column

COLUMNS = {
    kind: Column(
        name="c", type=kind, nullable=True, categories=("known",) if kind == "category" else (), unseen="accept"
    )
    for kind in ("integer", "number", "boolean", "category", "datetime")
}
SHORT_OFFSET = re.compile(r".*[+-][0-9]{2}([0-9]{2}){0,2}|.*[+-][0-9]{2}:[0-9]{2}:[0-9]{2}")


def verdict(kind: ColumnType, value: object, version: int) -> str | None:
    """The fault of a value, by both ways to find one."""
    fault = cells.fault(COLUMNS[kind], value, GRAMMARS[version])
    try:
        cells.array(COLUMNS[kind], [value, None], GRAMMARS[version])
    except cells.DoesNotFit:
        assert fault is not None
    else:
        assert fault is None
    return None if fault is None else fault.code


def test_the_grammars_differ_in_these_kinds_of_cells_and_in_no_other() -> None:
    differing: dict[str, set[tuple[str | None, str | None]]] = {}
    for example in EXAMPLES:
        if example.json is None:
            continue
        value = json.loads(example.json)
        old, new = verdict(example.type, value, 1), verdict(example.type, value, 2)
        if old != new:
            differing.setdefault(_kind(value), set()).add((old, new))
    assert differing == {
        "2^53": {(None, "out_of_range")},
        "a reserved text": {(None, "bad_text")},
        "a long text": {(None, "text_too_long")},
        "an offset as databases write it": {("bad_date", None), ("bad_date", "out_of_range")},
        "an offset of sixty minutes": {(None, "bad_date")},
    }


def _kind(value: object) -> str:
    if isinstance(value, int) and abs(value) == 2**53:
        return "2^53"
    if value == "<missing>":
        return "a reserved text"
    if isinstance(value, str) and len(value) > 10_000:
        return "a long text"
    if str(value).endswith(":60"):
        return "an offset of sixty minutes"
    if isinstance(value, str) and SHORT_OFFSET.fullmatch(value):
        return "an offset as databases write it"
    return f"unexpected: {value!r}"


@pytest.mark.parametrize("version", GRAMMARS)
@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        pytest.param("integer", 2**53 + 1, "out_of_range", id="integer beyond 2^53"),
        pytest.param("number", float("nan"), "not_finite", id="NaN"),
        pytest.param("number", float("inf"), "not_finite", id="infinity"),
        pytest.param("number", 10**400, "out_of_range", id="integer beyond float64"),
        pytest.param("number", 3.4028235677973366e38, "out_of_range", id="just beyond float32"),
        pytest.param("category", "a\0b", "bad_text", id="NUL"),
        pytest.param("category", "\ud800", "bad_text", id="lone surrogate"),
    ],
)
def test_what_neither_grammar_takes(version: int, kind: ColumnType, value: object, code: str) -> None:
    assert verdict(kind, value, version) == code


def test_what_is_trained_now_follows_the_newest_grammar() -> None:
    assert max(GRAMMARS) == GRAMMAR_VERSION
    assert all(grammar.version == version for version, grammar in GRAMMARS.items())


def test_a_refused_category_is_named_before_its_text_is_judged() -> None:
    column = COLUMNS["category"].model_copy(update={"unseen": "refuse"})
    for version in GRAMMARS:
        fault = cells.fault(column, "a\0", GRAMMARS[version])
        assert fault is not None
        assert fault.code == "unseen_category"
        assert cells.fault(column, "known", GRAMMARS[version]) is None


def test_every_message_says_what_a_value_must_be() -> None:
    wrong: dict[ColumnType, list[object]] = {
        "integer": [1.5, 2**60],
        "number": ["1", float("nan"), 1e39],
        "boolean": [1],
        "category": [1, "\0", "<missing>", "x" * 10_001],
        "datetime": [1, "today", "0001-01-01T00:00:00+05:00"],
    }
    for kind, values in wrong.items():
        for value in values:
            fault = cells.fault(COLUMNS[kind], value, GRAMMARS[2])
            assert fault is not None
            assert fault.message.startswith("must "), fault
            assert not (isinstance(value, str) and len(value) > 20 and value in fault.message)


@pytest.mark.parametrize("name", ["größe", "Ångström", "ﬁ", "日本", "plain", "", "e\u0323\u0301"])
def test_names_are_one_in_every_canonical_form(name: str) -> None:
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    assert {composed(form) for form in forms} == {unicodedata.normalize("NFC", name)}


def test_names_that_only_look_alike_stay_apart() -> None:
    assert composed("ﬁ") != composed("fi")
    assert composed("\N{CYRILLIC SMALL LETTER A}") != composed("a")


@pytest.mark.parametrize("version", GRAMMARS)
def test_a_column_of_nulls_is_a_column(version: int) -> None:
    for column in COLUMNS.values():
        array = cells.array(column, [None, None], GRAMMARS[version])
        assert array.shape == (2,)
        assert all(value is None or value != value for value in array)


def test_dates_are_cut_to_microseconds_and_not_rounded() -> None:
    text = "2024-01-31T23:59:59.999999999Z"
    for version in GRAMMARS:
        [date] = cells.array(COLUMNS["datetime"], [text], GRAMMARS[version])
        assert date == np.datetime64("2024-01-31T23:59:59.999999", "us")
