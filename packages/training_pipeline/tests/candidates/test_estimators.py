from typing import Any

import numpy as np
import pytest
from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.candidates.encoding import Encoding

ENCODING = Encoding(Schema(columns=(Column(name="size", type="number", nullable=False),)))


def test_a_random_state_is_fixed_unless_the_spec_gives_one() -> None:
    path = "sklearn.ensemble.RandomForestClassifier"
    assert estimators.estimator(Candidate(name="a", estimator=path), ENCODING, ()).random_state == estimators.SEED
    chosen = Candidate(name="a", estimator=path, parameters={"random_state": 5})
    assert estimators.estimator(chosen, ENCODING, ()).random_state == 5


@pytest.mark.parametrize(
    ("path", "precision"),
    [
        ("sklearn.ensemble.RandomForestClassifier", "float32"),
        ("sklearn.ensemble.GradientBoostingRegressor", "float32"),
        ("sklearn.ensemble.BaggingClassifier", "float32"),
        ("sklearn.tree.DecisionTreeRegressor", "float32"),
        ("sklearn.ensemble.HistGradientBoostingClassifier", "float64"),
        ("sklearn.linear_model.LogisticRegression", "float64"),
        ("sklearn.calibration.CalibratedClassifierCV", "float64"),
    ],
)
def test_inputs_are_rounded_for_estimators_that_round_them_themselves(path: str, precision: str) -> None:
    assert estimators.precision(Candidate(name="a", estimator=path)) == precision


@pytest.mark.parametrize("path", ["sklearn.ensemble.ExtraTreesClassifier", "sklearn.tree.DecisionTreeClassifier"])
def test_what_is_rounded_gives_the_answers_of_what_is_not(path: str) -> None:
    draw = np.random.default_rng(1)
    exact = 1.7e12 + draw.integers(0, 10**9, (300, 1)).astype(np.float64)
    fitted = estimators.estimator(Candidate(name="a", estimator=path), ENCODING, ()).fit(exact, exact[:, 0] > 1.7005e12)
    assert (fitted.predict_proba(exact) == fitted.predict_proba(exact.astype(np.float32))).all()


def test_xgboost_takes_the_threads_that_libraries_are_told() -> None:
    inner = {"estimator": "xgboost.XGBRegressor"}
    candidate = Candidate(
        name="one", estimator="sklearn.ensemble.VotingRegressor", parameters={"estimators": {"a": inner}}
    )
    made = estimators.prototype(candidate)
    estimators.take_threads(made, {"OMP_NUM_THREADS": "3"})
    assert made.estimators[0][1].n_jobs == 3
    estimators.take_threads(made, {"OMP_NUM_THREADS": "5"})
    assert made.estimators[0][1].n_jobs == 3


@pytest.mark.parametrize(("asked", "given"), [(1, 1), (3, 3), (8, 3), (-1, 3), (-2, 2), (-9, 1), (None, None)])
def test_jobs_are_at_most_what_a_task_may_use(asked: int | None, given: int | None) -> None:
    from sklearn.ensemble import RandomForestClassifier

    made = RandomForestClassifier(n_jobs=asked)
    told = estimators.take_threads(made, {"OMP_NUM_THREADS": "3"})
    assert made.n_jobs == given
    assert told == (["n_jobs = 8 is lowered to 3"] if asked == 8 else [])


def test_jobs_within_jobs_share_what_a_task_may_use() -> None:
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier, VotingClassifier

    inner: list[tuple[str, Any]] = [
        ("forest", RandomForestClassifier(n_jobs=-1)),
        ("boosting", LGBMClassifier(num_threads=9)),
    ]
    made = VotingClassifier(inner, n_jobs=2)
    told = estimators.take_threads(made, {"OMP_NUM_THREADS": "6"})
    assert (made.n_jobs, inner[0][1].n_jobs, inner[1][1].get_params()["num_threads"]) == (2, 3, 3)
    assert told == ["boosting__num_threads = 9 is lowered to 3"]


@pytest.mark.parametrize("said", ["", "0", "many"])
def test_jobs_stay_where_nobody_has_said_how_many_threads_there_are(said: str) -> None:
    from sklearn.ensemble import RandomForestClassifier

    made = RandomForestClassifier(n_jobs=8)
    assert estimators.take_threads(made, {"OMP_NUM_THREADS": said}) == []
    assert made.n_jobs == 8
