from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.columns import canonical as shared
from mlyard_shared.columns.examples import KEYS, Key
from mlyard_training_pipeline.data.columns import canonical
from mlyard_training_pipeline.data.columns.numbers import NumberForm

PLAIN = NumberForm()


def name(example: Key) -> str:
    return f"{type(example.cell).__name__} {example.cell!r}"


def column(cells: list[Any]) -> Any:
    big = any(isinstance(cell, int) and cell >= 2**63 for cell in cells)
    array = pa.array(cells, pa.uint64() if big else None)
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


@pytest.mark.parametrize("example", KEYS, ids=name)
def test_a_key_is_spelled_as_the_shared_grammar_spells_it(example: Key) -> None:
    assert canonical.key_texts(column([example.cell]), PLAIN).to_pylist() == [example.key]


@pytest.mark.parametrize("example", KEYS, ids=name)
def test_a_category_is_spelled_as_the_shared_grammar_spells_it(example: Key) -> None:
    assert canonical.typed_texts(column([example.cell])).to_pylist() == [shared.typed_text(example.cell)]


def test_all_texts_in_one_column_are_spelled_as_one_by_one() -> None:
    texts = [example for example in KEYS if isinstance(example.cell, str)]
    cells = pa.array([None, *(example.cell for example in texts), None]).slice(1)
    assert canonical.key_texts(cells, PLAIN).to_pylist() == [*(example.key for example in texts), None]


def test_random_floats_are_spelled_as_python_spells_them_from_columns_and_from_texts() -> None:
    draw = np.random.default_rng(5)
    floats = (draw.normal(0, 1, 5_000) * 10.0 ** draw.integers(-20, 25, 5_000)).tolist()
    floats += [float(draw.integers(-(2**53), 2**53)) for _ in range(200)] + [
        2.0**exponent for exponent in range(-70, 90)
    ]
    expected = [shared.key_text(value) for value in floats]
    assert canonical.key_texts(pa.array(floats), PLAIN).to_pylist() == expected
    assert canonical.key_texts(pa.array([repr(value) for value in floats]), PLAIN).to_pylist() == expected


def test_float32_is_the_number_that_it_holds() -> None:
    cells = pa.array([0.1, 1.0, None], pa.float32())
    assert canonical.key_texts(cells, PLAIN).to_pylist() == ["0.10000000149011612", "1", None]


def test_a_key_in_the_form_that_the_spec_names_is_the_number() -> None:
    form = NumberForm(decimal=",", thousands=".")
    assert canonical.key_texts(pa.array(["1.250", "1,5", "K-1"]), form).to_pylist() == ["1250", "1.5", "K-1"]
