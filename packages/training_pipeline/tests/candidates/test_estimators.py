import contextlib
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


@pytest.mark.parametrize(
    ("member", "last", "takes"),
    [
        ("sklearn.linear_model.Ridge", None, True),
        ("xgboost.XGBRegressor", "lightgbm.LGBMRegressor", True),
        ("sklearn.neighbors.KNeighborsRegressor", None, False),
        ("sklearn.linear_model.Ridge", "sklearn.neighbors.KNeighborsRegressor", False),
    ],
)
def test_a_stack_takes_weights_where_all_of_its_members_do(member: str, last: str | None, takes: bool) -> None:
    given: dict[str, Any] = {
        "estimators": {"a": {"estimator": member}, "b": {"estimator": "sklearn.linear_model.Lasso"}}
    }
    given |= {} if last is None else {"final_estimator": {"estimator": last}}
    made = estimators.blank("sklearn.ensemble.StackingRegressor", given)
    assert estimators.takes_weights(made) is takes
    draw = np.random.default_rng(1)
    rows, target = draw.normal(size=(60, 2)), draw.normal(size=60)
    # What scikit-learn does with them: a member that takes none fails.
    with contextlib.nullcontext() if takes else pytest.raises(TypeError, match=r"sample_weight|sample weights"):
        made.fit(rows, target, sample_weight=draw.uniform(size=60))
