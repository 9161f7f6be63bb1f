from typing import Any

import numpy as np
import pytest
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import Candidate, Features
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


NETWORK = "sklearn.neural_network.MLPClassifier"
LETTERS = Column(name="letter", type="category", nullable=False, categories=tuple("abcd"))


def candidate(path: str) -> Candidate:
    return Candidate(name="a", estimator=path)


def made(path: str, schema: Schema = MIXED, rows: int = 0, features: Features | None = None) -> Any:
    return preprocessing.pipeline(candidate(path), schema, rows=rows, features=features or Features())


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        pytest.param(LINEAR, ["SimpleImputer", "StandardScaler"], id="linear"),
        pytest.param("sklearn.ensemble.RandomForestClassifier", ["SimpleImputer"], id="trees"),
    ],
)
def test_numbers_are_imputed_and_scaled_where_the_estimator_profits(path: str, steps: list[str]) -> None:
    assert [type(step).__name__ for _, step in made(path)[0].transformers[0][1].steps] == steps


def test_histogram_gradient_boosting_sees_numbers_and_categories_as_they_are() -> None:
    pipeline = made(HISTOGRAM)
    assert pipeline[0] == "passthrough"
    assert pipeline[-1].categorical_features == [1]


def test_an_unseen_category_is_null_to_an_estimator_that_takes_categories() -> None:
    draw = np.random.default_rng(1)
    rows = np.column_stack([draw.normal(size=400), draw.integers(0, 3, 400)])
    pipeline = made(HISTOGRAM).fit(rows, rows[:, 1] == 1)
    unseen, null = np.array([[0.0, -1.0]]), np.array([[0.0, np.nan]])
    assert pipeline.predict_proba(unseen).tolist() == pipeline.predict_proba(null).tolist()


def test_the_rarest_levels_of_a_column_become_one() -> None:
    schema, features = Schema(columns=(MIXED.columns[0], LETTERS)), Features(levels={"letter": 3})
    rows = np.array([[0.0, code] for code in [0] * 5 + [1] + [2] * 4 + [3, 3, -1]])
    for path, columns in ((HISTOGRAM, 2), (LINEAR, 4)):
        pipeline = preprocessing.pipeline(candidate(path), schema, features=features)
        encoded = pipeline[0].fit(rows).transform(rows)
        assert encoded.shape[1] == columns
        places = preprocessing.encoding_of(candidate(path), schema, features=features).encoded["letter"]
        own = [tuple(row) for row in encoded[:, list(places)].tolist()]
        assert own[5] == own[10]
        assert len(set(own)) == 4  # two that stay, the others, and one that was not in training


def test_the_means_of_rows_that_are_trained_on_are_those_of_other_rows() -> None:
    schema, features = Schema(columns=(LETTERS,)), Features(encoding={"letter": "target"})
    draw = np.random.default_rng(1)
    rows = draw.integers(0, 4, (1000, 1)).astype(np.float64)
    target = (draw.random(1000) < rows[:, 0] / 4).astype(np.int64)
    pipeline = preprocessing.pipeline(candidate(LINEAR), schema, classes=("n", "y"), features=features)
    crossed, known = pipeline[0].fit_transform(rows, target), pipeline[0].transform(rows)
    assert len(np.unique(known)) == 4
    assert len(np.unique(crossed)) > 4
    assert abs(known[rows[:, 0] == 3].mean() - target[rows[:, 0] == 3].mean()) < 0.01


def test_a_missing_category_is_one_of_its_own_and_an_unseen_one_is_none_of_them() -> None:
    rows = np.array([[1.0, 3], [2.0, 0], [np.nan, -1]])
    encoded = made(LINEAR)[0].fit(rows).transform(rows)
    assert encoded[:, 1:].tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("path", [LINEAR, HISTOGRAM, "sklearn.ensemble.RandomForestClassifier"])
def test_encoded_matrices_hold_numbers_and_never_objects(path: str) -> None:
    precision = np.float32 if "RandomForest" in path else np.float64
    rows = np.array([[1.0, 3], [2.0, 0], [np.nan, -1]], dtype=precision)
    first = made(path, features=Features(levels={"colour": 3}))[0]
    assert first.fit(rows).transform(rows).dtype == precision


def test_a_wide_matrix_is_sparse_where_the_estimator_takes_it() -> None:
    from scipy.sparse import issparse

    rows = np.random.default_rng(1).integers(0, 4000, (20_000, 1)).astype(np.float64)
    assert issparse(made(LINEAR, WIDE, rows=len(rows))[0].fit(rows).transform(rows))
    # Solvers that are exact take a dense matrix, and a small one fits into memory.
    assert not issparse(made(LINEAR, WIDE, rows=100)[0].fit(rows[:100]).transform(rows[:100]))
    one_hot = Features(encoding={"city": "one_hot"})
    network = made(NETWORK, WIDE, rows=20_000, features=one_hot)[0].fit(rows[:100]).transform(rows[:100])
    assert issparse(network)
    assert not issparse(made(HISTOGRAM, WIDE, rows=20_000, features=one_hot)[0].fit(rows[:100]).transform(rows[:100]))
