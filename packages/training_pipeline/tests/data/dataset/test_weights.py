from collections.abc import Callable
from typing import Any

import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[Any, ModelSpec], Dataset]


def table(weights: list[Any]) -> dict[str, list[Any]]:
    rows = len(weights)
    return {
        "id": [str(row) for row in range(rows)],
        "size": [float(row % 7) for row in range(rows)],
        "kind": [("a", "b")[row % 2] for row in range(rows)],
        "counts": weights,
    }


def test_weights_are_numbers_that_no_model_sees(made: Make, spec: Spec) -> None:
    given = [f"{1 + row % 3}.5" for row in range(200)]
    data = made(table(given), spec(features={}, weight="counts"))
    assert [column.name for column in data.schema.columns] == ["size"]
    assert data.weights is not None
    assert data.weights.tolist() == [float(value) for value in given]
    assert made(table(given), spec(features={})).weights is None


@pytest.mark.parametrize(
    ("first", "problem"),
    [
        (0.0, "column 'counts', the weight, is 0 in some rows, and has to be above 0"),
        (-2.0, "column 'counts', the weight, is -2 in some rows"),
        (None, "column 'counts', the weight: row 1 is empty"),
    ],
    ids=["zero", "negative", "missing"],
)
def test_a_row_that_does_not_count_is_refused(made: Make, spec: Spec, first: Any, problem: str) -> None:
    with pytest.raises(TableError, match=problem):
        made(table([first, *[1.5] * 199]), spec(features={}, weight="counts"))


def test_a_weight_that_the_table_does_not_have_is_named(made: Make, spec: Spec) -> None:
    with pytest.raises(TableError, match="weight: the table has no column 'count'; did you mean 'counts'"):
        made(table([1.5] * 200), spec(features={}, weight="count"))
