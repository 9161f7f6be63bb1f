from typing import Any

import pytest
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import estimators, jobs


def test_xgboost_takes_the_threads_that_libraries_are_told() -> None:
    inner = {"estimator": "xgboost.XGBRegressor"}
    candidate = Candidate(
        name="one", estimator="sklearn.ensemble.VotingRegressor", parameters={"estimators": {"a": inner}}
    )
    made = estimators.prototype(candidate)
    jobs.take_threads(made, {"OMP_NUM_THREADS": "3"})
    assert made.estimators[0][1].n_jobs == 3
    jobs.take_threads(made, {"OMP_NUM_THREADS": "5"})
    assert made.estimators[0][1].n_jobs == 3


@pytest.mark.parametrize(("asked", "given"), [(1, 1), (3, 3), (8, 3), (-1, 3), (-2, 2), (-9, 1), (None, None)])
def test_jobs_are_at_most_what_a_task_may_use(asked: int | None, given: int | None) -> None:
    from sklearn.ensemble import RandomForestClassifier

    made = RandomForestClassifier(n_jobs=asked)
    told = jobs.take_threads(made, {"OMP_NUM_THREADS": "3"})
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
    told = jobs.take_threads(made, {"OMP_NUM_THREADS": "6"})
    assert (made.n_jobs, inner[0][1].n_jobs, inner[1][1].get_params()["num_threads"]) == (2, 3, 3)
    assert told == ["boosting__num_threads = 9 is lowered to 3"]


def test_jobs_beside_others_of_a_like_name_are_not_within_them() -> None:
    from sklearn.ensemble import RandomForestClassifier, VotingClassifier

    made = VotingClassifier([("a", RandomForestClassifier(n_jobs=3)), ("ab", RandomForestClassifier(n_jobs=3))])
    assert jobs.take_threads(made, {"OMP_NUM_THREADS": "3"}) == []


@pytest.mark.parametrize(("threads", "given", "at_once"), [(1, 1, 1), (3, 1, 1), (4, 2, 4), (8, 4, 8), (64, 9, 10)])
def test_stacking_gives_its_jobs_to_members_and_to_their_folds(threads: int, given: int, at_once: int) -> None:
    from sklearn.ensemble import StackingClassifier
    from sklearn.tree import DecisionTreeClassifier

    made = StackingClassifier([("a", DecisionTreeClassifier()), ("b", DecisionTreeClassifier())], n_jobs=9)
    jobs.take_threads(made, {"OMP_NUM_THREADS": str(threads)})
    assert (made.n_jobs, jobs.processes(made)) == (given, at_once)


def test_lightgbm_is_told_by_one_name_alone() -> None:
    from lightgbm import LGBMClassifier

    told, named = LGBMClassifier(), LGBMClassifier(num_threads=2)
    for made in (told, named):
        jobs.take_threads(made, {"OMP_NUM_THREADS": "3"})
    assert (told.n_jobs, named.n_jobs, named.get_params()["num_threads"]) == (3, None, 2)


@pytest.mark.parametrize("said", ["", "0", "many"])
def test_jobs_stay_where_nobody_has_said_how_many_threads_there_are(said: str) -> None:
    from sklearn.ensemble import RandomForestClassifier

    made = RandomForestClassifier(n_jobs=8)
    assert jobs.take_threads(made, {"OMP_NUM_THREADS": said}) == []
    assert made.n_jobs == 8
