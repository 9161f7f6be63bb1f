from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.columns import ColumnType
from mlyard_shared.columns.examples import INFERRED, Inferred
from mlyard_training_pipeline.data.columns import Cells, inference
from mlyard_training_pipeline.data.columns.numbers import NumberForm

PLAIN = NumberForm()


@pytest.mark.parametrize("example", INFERRED, ids=lambda example: repr(example.text[:30]))
def test_a_column_has_the_type_of_its_only_text(example: Inferred) -> None:
    assert inference.narrowest(Cells.of(pa.array([None, example.text, example.text])), PLAIN) == example.type


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        pytest.param(["1", "-2", None], "integer", id="integers"),
        pytest.param(["1", "2.5", "1e3", ".5"], "number", id="numbers"),
        pytest.param(["true", "False", None], "boolean", id="booleans"),
        pytest.param(["2024-01-31", "2024-02-01 10:00:00+00"], "datetime", id="dates"),
        pytest.param(["a", "b"], "category", id="texts"),
        pytest.param(["true", "1"], "category", id="booleans of two kinds"),
        pytest.param(["7", "007"], "category", id="codes"),
    ],
)
def test_a_type_is_what_all_texts_of_a_column_fit(texts: list[str | None], kind: ColumnType) -> None:
    assert inference.narrowest(Cells.of(pa.array(texts)), PLAIN) == kind


def test_a_column_of_integers_may_go_on_with_other_numbers_and_with_nothing_else() -> None:
    def widened(kind: ColumnType, *texts: str | None) -> ColumnType | None:
        return inference.widened(kind, Cells.of(pa.array(texts, pa.string())), PLAIN)

    assert widened("integer", "7", None) == "integer"
    assert widened("integer", "7", "7.5") == "number"
    assert widened("integer", "x") is None
    assert widened("number", "x") is None
    assert widened("boolean", "1") is None
    assert widened("datetime", None) == "datetime"
    assert widened("category", "7") == "category"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        pytest.param(pa.bool_(), "boolean", id="bool"),
        pytest.param(pa.uint8(), "integer", id="uint8"),
        pytest.param(pa.float16(), "number", id="float16"),
        pytest.param(pa.decimal128(10, 2), "number", id="decimal"),
        pytest.param(pa.timestamp("ns", "UTC"), "datetime", id="timestamp"),
        pytest.param(pa.date32(), "datetime", id="date"),
        pytest.param(pa.time32("s"), None, id="time of day"),
        pytest.param(pa.duration("s"), None, id="duration"),
        pytest.param(pa.list_(pa.int8()), None, id="list"),
        pytest.param(pa.binary(), None, id="octets"),
    ],
)
def test_a_stored_type_is_the_type_of_its_column(kind: Any, found: ColumnType | None) -> None:
    assert inference.stored_type(kind) == found
