from typing import Any

import numpy as np
import pytest
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import preprocessing

MIXED = Schema(
    columns=(
        Column(name="size", type="number", nullable=True),
        Column(name="colour", type="category", nullable=True, categories=("blue", "green", "red")),
    )
)
WIDE = Schema(columns=(Column(name="city", type="category", nullable=False, categories=tuple(map(str, range(4000)))),))
LINEAR = "sklearn.linear_model.LogisticRegression"
HISTOGRAM = "sklearn.ensemble.HistGradientBoostingClassifier"


def made(path: str, schema: Schema = MIXED, rows: int = 0) -> Any:
    return preprocessing.pipeline(Candidate(name="a", estimator=path), schema, rows=rows)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        pytest.param(LINEAR, ["SimpleImputer", "StandardScaler"], id="linear"),
        pytest.param("sklearn.ensemble.RandomForestClassifier", ["SimpleImputer"], id="trees"),
    ],
)
def test_numbers_are_imputed_and_scaled_where_the_estimator_profits(path: str, steps: list[str]) -> None:
    assert [type(step).__name__ for _, step in made(path)[0].transformers[0][1].steps] == steps


def test_histogram_gradient_boosting_sees_missing_numbers_as_they_are() -> None:
    assert made(HISTOGRAM)[0].transformers[0][1] == "passthrough"


def test_a_missing_category_is_one_of_its_own_and_an_unseen_one_is_none_of_them() -> None:
    rows = np.array([[1.0, 3], [2.0, 0], [np.nan, -1]])
    encoded = made(LINEAR)[0].fit(rows).transform(rows)
    assert encoded[:, 1:].tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("path", [LINEAR, HISTOGRAM, "sklearn.ensemble.RandomForestClassifier"])
def test_encoded_matrices_hold_numbers_and_never_objects(path: str) -> None:
    precision = np.float32 if "RandomForest" in path else np.float64
    rows = np.array([[1.0, 3], [2.0, 0], [np.nan, -1]], dtype=precision)
    assert made(path)[0].fit(rows).transform(rows).dtype == precision


def test_a_wide_matrix_is_sparse_where_the_estimator_takes_it() -> None:
    from scipy.sparse import issparse

    rows = np.random.default_rng(1).integers(0, 4000, (20_000, 1)).astype(np.float64)
    assert issparse(made(LINEAR, WIDE, rows=len(rows))[0].fit(rows).transform(rows))
    # Solvers that are exact take a dense matrix, and a small one fits into memory.
    assert not issparse(made(LINEAR, WIDE, rows=100)[0].fit(rows[:100]).transform(rows[:100]))
    assert not issparse(made(HISTOGRAM, WIDE, rows=20_000)[0].fit(rows[:100]).transform(rows[:100]))
