"""Random texts of the characters that matter are read as the shared grammar reads them, one by one."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS, ColumnType, canonical, texts
from mlyard_shared.schema import Column
from mlyard_training_pipeline.data.columns import Cells, inference
from mlyard_training_pipeline.data.columns import canonical as vectorised
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.values import Reader

PLAIN = NumberForm()
COUNT = 4_000
PARTS = "2024 0001 9999 0000 - - 01 02 12 29 30 31 T : 23 59 Z + +01 -0130 +01:30 .5 .123456789 00"
ALPHABETS = {
    "numbers": (list("0123456789+-..eE"), 8),
    "booleans": (["true", "True", "TRUE", "false", "False", "FALSE", "1", "0", " ", "t", "E"], 2),
    "dates": ([" ", *PARTS.split()], 14),
}


def some_texts(alphabet: str) -> list[str]:
    draw = np.random.default_rng(len(alphabet))
    parts, longest = ALPHABETS[alphabet]
    found = ["".join(draw.choice(parts, draw.integers(0, longest + 1))) for _ in range(COUNT)]
    # Most random texts are nothing at all: dates are changed in one place.
    if alphabet == "dates":
        good = ["2024-02-29", "2024-01-31T23:59:59.123456789+01:30", "0001-01-01T00:30:00+00", "9999-12-31 23:59-00:01"]
        for _ in range(COUNT):
            text = str(draw.choice(good))
            place = int(draw.integers(0, len(text)))
            found.append(text[:place] + str(draw.choice(list("0123456789:-+.TZ "))) + text[place + 1 :])
            found.append(text[: int(draw.integers(0, len(text) + 1))])
    return list(dict.fromkeys(found))


def expected(text: str, kind: ColumnType) -> Any:
    """The value of a text, or None where it is refused."""
    try:
        value = texts.value(text, kind)
    except (ValueError, OverflowError):
        return None
    column = Column(name="x", type=kind, nullable=False)
    if cells.fault(column, text if kind == "datetime" else value, GRAMMARS[2]):
        return None
    return np.datetime64(value.isoformat(), "us").astype(np.int64) if isinstance(value, datetime) else value


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "datetime"])
def test_a_random_text_is_read_as_the_shared_grammar_reads_it(alphabet: str, kind: ColumnType) -> None:
    column = some_texts(alphabet)
    known = [expected(text, kind) for text in column]
    reader = Reader(kind, PLAIN)
    parsed = reader.parse(Cells.of(pa.array(column)))
    refused = np.zeros(len(column), dtype=bool)
    for _, mask in parsed.faults:
        refused |= mask
    wrong = [
        (text, value, found)
        for text, value, found, no in zip(column, known, parsed.values.tolist(), refused.tolist(), strict=True)
        if no != (value is None) or (not no and found != value)
    ]
    assert wrong == []
    if (alphabet, kind) in {("numbers", "number"), ("booleans", "boolean"), ("dates", "datetime")}:
        assert len([value for value in known if value is not None]) > 5


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_a_random_text_gives_the_type_and_the_key_of_the_shared_grammar(alphabet: str) -> None:
    column = some_texts(alphabet)
    kinds = [inference.narrowest(Cells.of(pa.array([text])), PLAIN) for text in column[:1_000]]
    assert kinds == [texts.inferred_type(text) for text in column[:1_000]]
    assert vectorised.key_texts(pa.array(column), PLAIN).to_pylist() == [canonical.key_text(text) for text in column]
