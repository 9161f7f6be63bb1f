from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import Candidate, ModelSpec
from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.data import dataset as table

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


def candidate(path: str, **more: Any) -> dict[str, Any]:
    return {"name": "one", "estimator": path, **more}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        pytest.param(
            candidate("sklearn.linear_model.LogisticRegresion"),
            "estimator: there is no sklearn.linear_model",
            id="typo",
        ),
        pytest.param(candidate("sklearn.linear_model.Ridge"), "is no estimator for classification", id="other task"),
        pytest.param(candidate("sklearn.preprocessing.StandardScaler"), "is no estimator for", id="no estimator"),
        pytest.param(candidate("sklearn.ensemble.VotingClassifier"), "needs estimators", id="needs more"),
        pytest.param(
            candidate("sklearn.svm.SVC", parameters={"kernal": "rbf"}),
            "parameters.kernal: sklearn.svm.SVC has no such parameter; did you mean kernel?",
            id="unknown parameter",
        ),
        pytest.param(
            candidate("sklearn.linear_model.LogisticRegression", grid={"C": [1.0, -1.0]}),
            "grid.C: The 'C' parameter of LogisticRegression must be a float in the range",
            id="wrong value",
        ),
    ],
)
def test_a_wrong_candidate_is_named_with_its_parameter(spec: Spec, made: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=r"mixed.toml: candidates.one: ") as caught:
        estimators.check_candidates(spec(candidates=[made]), "mixed.toml")
    assert message in str(caught.value)


def test_a_metric_of_probabilities_needs_an_estimator_that_gives_them(spec: Spec) -> None:
    made = spec(metric="log_loss", candidates=[candidate("sklearn.svm.LinearSVC")])
    with pytest.raises(SpecError, match="gives no probabilities here, which log_loss needs"):
        estimators.check_candidates(made, "mixed.toml")


def test_a_random_state_is_fixed_unless_the_spec_gives_one() -> None:
    path = "sklearn.ensemble.RandomForestClassifier"
    assert estimators.estimator(Candidate(name="a", estimator=path)).random_state == estimators.SEED
    chosen = Candidate(name="a", estimator=path, parameters={"random_state": 5})
    assert estimators.estimator(chosen).random_state == 5


@pytest.mark.parametrize(
    ("path", "transformers"),
    [
        pytest.param("sklearn.linear_model.LogisticRegression", ["SimpleImputer", "StandardScaler"], id="linear"),
        pytest.param("sklearn.ensemble.RandomForestClassifier", ["SimpleImputer"], id="trees"),
    ],
)
def test_numbers_are_imputed_and_scaled_where_the_estimator_profits(
    spec: Spec, mixed: Mixed, path: str, transformers: list[str]
) -> None:
    schema = table.read(pa.table(mixed()), spec()).schema
    pipeline = estimators.pipeline(Candidate(name="a", estimator=path), schema)
    numbers = pipeline[0].transformers[0][1]
    assert [type(step).__name__ for _, step in numbers.steps] == transformers


def test_histogram_gradient_boosting_sees_missing_numbers_as_they_are(spec: Spec, mixed: Mixed) -> None:
    schema = table.read(pa.table(mixed()), spec()).schema
    path = "sklearn.ensemble.HistGradientBoostingClassifier"
    assert estimators.pipeline(Candidate(name="a", estimator=path), schema)[0].transformers[0][1] == "passthrough"


def test_a_missing_category_is_one_of_its_own_and_an_unseen_one_is_none(spec: Spec, mixed: Mixed) -> None:
    read = table.read(pa.table(mixed()), spec(features={"use": ["colour"]}))
    path = "sklearn.linear_model.LogisticRegression"
    pipeline = estimators.pipeline(Candidate(name="a", estimator=path), read.schema).fit(read.matrix, read.target)
    encoded = pipeline[0].transform(np.array([["<missing>"], ["blue"], ["violet"]], dtype=object))
    assert encoded.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
