from collections.abc import Callable

import numpy as np
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import sides
from mlyard_training_pipeline.data.problems import Problems

Spec = Callable[..., ModelSpec]


@pytest.mark.parametrize(
    ("held", "kept", "message"),
    [
        pytest.param(9, 40, "the holdout has 9 rows and needs 10: raise holdout.fraction", id="small holdout"),
        pytest.param(20, 2, "2 rows are left to train on, and 3 folds need 6: lower folds", id="few to train on"),
        pytest.param(20, 40, None, id="enough"),
    ],
)
def test_too_few_rows_on_a_side_are_refused(spec: Spec, held: int, kept: int, message: str | None) -> None:
    problems = Problems(spec())
    mask = np.arange(held + kept) < held
    sides.check(mask, ~mask, spec(), problems)
    assert [sentence[: len(str(message))] for sentence in problems.sentences()] == ([message] if message else [])


@pytest.mark.parametrize(
    ("counts", "metric", "message"),
    [
        pytest.param(
            [[9, 1], [5, 5]], "accuracy", "class 'b' of column 'kind' has 1 rows to train on", id="rare class"
        ),
        pytest.param(
            [[9, 9], [5, 0]], "roc_auc", "class 'b' of column 'kind' is not in the holdout", id="unseen class"
        ),
        pytest.param([[9, 9], [5, 0]], "accuracy", None, id="unseen and not needed"),
    ],
)
def test_a_class_with_too_few_rows_is_refused(
    spec: Spec, counts: list[list[int]], metric: str, message: str | None
) -> None:
    problems = Problems(spec())
    sides.check_classes(np.array(counts), ("a", "b"), spec(metric=metric), problems)
    assert [sentence[: len(str(message))] for sentence in problems.sentences()] == ([message] if message else [])
