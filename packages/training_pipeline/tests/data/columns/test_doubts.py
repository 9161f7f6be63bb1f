from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.columns import ColumnType
from mlyard_shared.columns.examples import INFERRED, Inferred
from mlyard_training_pipeline.data.columns import Cells, doubts, readings
from mlyard_training_pipeline.data.columns.doubts import Doubt, Evidence
from mlyard_training_pipeline.data.columns.numbers import NumberForm

PLAIN = NumberForm()
NUMBERS = [str(number) for number in range(30)]


def evidence_of(texts: Sequence[str | None], form: NumberForm = PLAIN) -> Evidence:
    found = Evidence(form)
    for cells in (Cells.of(pa.array(texts)), Cells.of(pa.array([], pa.string()))):
        found.add(cells.values, cells.counts)
    return found


def doubt_of(texts: Sequence[str | None], form: NumberForm = PLAIN) -> Doubt | None:
    evidence = evidence_of(texts, form)
    assert evidence.type == "category"
    return doubts.doubt_of(evidence)


@pytest.mark.parametrize("example", INFERRED, ids=lambda example: repr(example.text[:30]))
def test_a_column_of_one_text_has_its_type(example: Inferred) -> None:
    assert evidence_of([None, example.text, example.text]).type == example.type


@pytest.mark.parametrize(
    "word",
    [
        *("NULL", "null", "None", "N/A", "n/a", "#N/A", "NaN", "-", "--", "?", ".", "...", "*", "unknown", "Unknown"),
        *("<NA>", "(null)", "nil", "missing", "k. A.", "#DIV/0!", "1.#QNAN", "inf", "-Infinity", " ", "", "tbd", "\\N"),
    ],
)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_word_for_missing_among_numbers_is_in_doubt_whatever_its_share(word: str, share: float) -> None:
    count = int(300 * share / (1 - share)) or 1
    found = doubt_of([str(number % 40) for number in range(300)] + [word] * count)
    assert found is not None
    assert (found.type, found.strays, found.known_words) == ("number", (word,), True)


@pytest.mark.parametrize(
    ("texts", "kind", "strays"),
    [
        pytest.param(["true", "FALSE", "-"], "boolean", ("-",), id="booleans"),
        pytest.param(["2024-01-31", "9999-99-99", "0000-00-00 00:00:00"], "datetime", None, id="dates"),
        pytest.param(["1", "none"], "number", ("none",), id="a single number"),
        pytest.param([*NUMBERS, "abc", "def"] * 5 + ["abc"] * 900, "number", ("abc", "def"), id="many numbers"),
        pytest.param([*map(str, range(9)), "oops"], "number", ("oops",), id="nine of ten"),
        pytest.param(["10115", "20095", "80331", "50667", "01067"], "number", ("01067",), id="postal codes"),
        pytest.param(["1.5", "NULL", "?", "2.5"], "number", ("NULL", "?"), id="two words"),
    ],
)
def test_texts_that_keep_a_column_from_its_type_are_in_doubt(
    texts: list[str | None], kind: ColumnType, strays: tuple[str, ...] | None
) -> None:
    found = doubt_of(texts)
    assert found is not None
    assert found.type == kind
    assert strays is None or found.strays == strays
    assert found.reading is None


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["red", "green", "none"], id="a word for nothing among texts"),
        pytest.param(["A", "B", "?"], id="a question mark among letters"),
        pytest.param(["yes", "no", "unknown"], id="answers"),
        pytest.param([f"city {number}" for number in range(100)], id="numbered texts"),
        pytest.param([f"K-{number}" for number in range(100)], id="codes"),
        pytest.param(["4G", "5G", "3G"], id="a letter after few numbers"),
        pytest.param(["18-25", "26-35", "36+"], id="ranges"),
        pytest.param(["10.0.0.1", "10.0.0.2"], id="addresses"),
        pytest.param(["1.2.3", "1.3.0"], id="versions"),
        pytest.param(["10:30", "11:45"], id="times"),
        pytest.param(["030 123456", "040 99887"], id="telephone numbers"),
        pytest.param(["1", "2", "3+", "many", "few"], id="few numbers among texts"),
        pytest.param(["none", "null"], id="nothing but words for nothing"),
    ],
)
def test_a_category_stays_one(texts: list[str | None]) -> None:
    assert doubt_of(texts * 10) is None


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["1171.55", "2049,97", "88.5", "90,25"], id="decimal points and commas"),
        pytest.param(["1,234.56", "1.234,56", "2,345.60", "9.876,10"], id="English and German"),
        pytest.param(["(12.50)", "13.50", "(7.25)", "99.10"], id="negative ones in brackets"),
        pytest.param(["12.50-", "13.50", "7.25-", "99.10"], id="a minus sign behind"),
        pytest.param(["12,34,567.5", "1,00,000", "99,99,999.25"], id="lakhs"),
        pytest.param(["\uff11\uff12", "\uff13\uff14"], id="wide digits"),
        pytest.param(["\u0661\u0662", "\u0663.\u0664"], id="Arabic digits"),
        pytest.param(["'12", "'-7.5"], id="kept as text by a spreadsheet"),
    ],
)
def test_numbers_that_no_key_reads_are_in_doubt_all_the_same(texts: list[str]) -> None:
    found = doubt_of(texts * 10)
    assert found is not None
    assert found.type == "number"
    assert found.reading is not None
    assert not found.reading.pairs


def test_brackets_around_every_number_are_not_a_sign() -> None:
    assert doubt_of(["(1)", "(2)", "(3)"] * 10) is None


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["31.12.2024", "01.02.2024"], id="German"),
        pytest.param(["31.12.24", "01.02.24"], id="two digits for the year"),
        pytest.param(["12/31/2024 1:00 PM", "01/02/2024 11:30 AM"], id="American"),
        pytest.param(["2024-1-5", "2024-10-12", "2024-3-17"], id="not padded"),
        pytest.param(["2024-01-05", "2024-01-06", "2024-01-07", "2024-01-08T24:00"], id="midnight at the end of a day"),
        pytest.param(["2024-01-05 10:00:00 UTC"], id="a zone by its name"),
        pytest.param(["2024-01-05T10:00:00,123"], id="a comma before fractions"),
        pytest.param(["2024-01-05t10:00:00z"], id="small letters"),
        pytest.param(["2024-01-05T10"], id="hours alone"),
        pytest.param(["20240105T101500Z"], id="compact"),
        pytest.param(["Mon, 01 Jan 2024 10:00:00 GMT", "Tue, 02 Jan 2024 11:00:00 GMT"], id="of an e-mail"),
        pytest.param(["1 Jan 2024", "17 Oct 2024"], id="months by name"),
        pytest.param(["3. M\u00e4rz 2024", "17. Dezember 2024"], id="German months"),
        pytest.param(["January 5, 2024", "Feb 17th, 2024"], id="months first"),
    ],
)
def test_dates_in_a_form_that_is_not_read_are_in_doubt(texts: list[str]) -> None:
    found = doubt_of([*texts, "NULL"] * 10)
    assert found is not None
    assert (found.type, found.foreign) == ("datetime", True)
    assert "NULL" not in found.strays


@pytest.mark.parametrize(
    ("texts", "are"),
    [
        pytest.param(["3.372", "850", "12.000"], True, id="small ones without a point"),
        pytest.param(["1.250", "2.500", "12.000"], True, id="round ones"),
        pytest.param(["3.372", "1.851", "12.043"], False, id="measures with three decimals"),
        pytest.param(["7", "8"], False, id="integers"),
    ],
)
def test_grouped_numbers_are_told_from_three_decimals(texts: list[str], are: bool) -> None:
    assert readings.suggest_groups(pa.array([*texts, None])) is are


@pytest.mark.parametrize(
    ("texts", "pairs", "units"),
    [
        pytest.param(["10,80", "9,5"], [(",", None)], (), id="decimal commas"),
        pytest.param(["1.250,80", "10,80"], [(",", ".")], (), id="with thousands"),
        pytest.param(["1.250", "10,80"], [(",", ".")], (), id="in one column"),
        pytest.param(["1,000", "2,500"], [(",", None), (".", ",")], (), id="both ways"),
        pytest.param(["1,000", "2,500.5"], [(".", ",")], (), id="English"),
        pytest.param(["1,000,000", "2,500"], [(".", ",")], (), id="millions"),
        pytest.param(["1.000.000", "2.500"], [(",", ".")], (), id="German millions"),
        pytest.param(["1 000", "17", "2\u00a0500"], [(".", " ")], (), id="blanks"),
        pytest.param(["1 000,5", "17"], [(",", " ")], (), id="French"),
        pytest.param(["1'000.5", "17"], [(".", "'")], (), id="Swiss"),
        pytest.param(["1_000", "17"], [(".", "_")], (), id="underscores"),
        pytest.param(["12 %", "8 %"], [(".", None)], ("%",), id="percent"),
        pytest.param(["€ 10,80", "€ 9,99"], [(",", None)], ("€",), id="currency"),
        pytest.param(["EUR 10.80", "EUR 9.99"], [(".", None)], ("EUR",), id="currency's letters"),
        pytest.param(["12.5kg", "10kg"], [(".", None)], ("kg",), id="letters"),
        pytest.param([f"{number}px" for number in range(30)], [(".", None)], ("px",), id="unknown letters"),
        pytest.param(["20 °C", "-3 °C"], [(".", None)], ("°C",), id="degrees"),
        pytest.param(["7   ", "12  "], [(".", None)], (" ",), id="padded"),
        pytest.param(["12kg", "500g"], [], ("g", "kg"), id="different units"),
        pytest.param(["\u22125", "3"], [], (), id="another minus"),
    ],
)
def test_numbers_in_another_form_are_in_doubt_with_what_reads_them(
    texts: list[str | None], pairs: list[readings.Pair], units: tuple[str, ...]
) -> None:
    found = doubt_of(texts)
    assert found is not None
    assert found.reading is not None
    assert found.strays == ()
    assert (found.reading.pairs and readings.fewest(found.reading.pairs)) == (pairs or frozenset())
    assert found.reading.units == units
    for pair in found.reading.pairs:
        assert evidence_of(texts, NumberForm(*pair, found.reading.units)).type in ("integer", "number")


def test_numbers_in_another_form_may_have_words_for_missing_among_them() -> None:
    found = doubt_of(["10,80", "9,50", "NULL", "?"] * 3)
    assert found is not None
    assert found.reading is not None
    assert (found.strays, found.known_words) == (("NULL", "?"), True)


@pytest.mark.parametrize("texts", [["31.12.2024", "1.2.2023"], ["12/31/2024", "1/2/2023 10:00"], ["2024/01/31"]])
def test_dates_in_another_form_are_in_doubt(texts: list[str | None]) -> None:
    found = doubt_of(texts)
    assert found is not None
    assert (found.type, found.known_words) == ("datetime", False)


def test_a_column_with_very_many_texts_is_judged_by_some_of_them() -> None:
    texts = [f"text {number}" for number in range(doubts.SAMPLE + 500)]
    evidence = evidence_of(texts)
    assert len(evidence.sample) == doubts.SAMPLE
    assert len(evidence.misfits["number"]) == doubts.MISFITS
    assert evidence.cells == len(texts)


def test_counts_are_of_rows_and_not_of_different_texts() -> None:
    cells = Cells.of(pa.array(["7"] * 9 + ["x", None]).dictionary_encode())
    found = Evidence(PLAIN)
    found.add(cells.values, cells.counts)
    assert (found.cells, found.fitting["number"]) == (10, 9)
    assert np.isclose(found.fitting["number"] / found.cells, readings.MOSTLY + 0.1)
