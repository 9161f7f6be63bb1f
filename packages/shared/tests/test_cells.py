import json

import numpy as np
import pytest
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.columns.examples import EXAMPLES, Example
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
