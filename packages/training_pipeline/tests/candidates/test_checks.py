import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import checks
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]


def candidate(path: str, name: str = "one", **more: Any) -> dict[str, Any]:
    return {"name": name, "estimator": f"sklearn.{path}", **more}


@pytest.fixture
def found(spec: Spec, mixed: Callable[[], dict[str, list[Any]]], made: Make) -> Callable[..., list[str]]:
    """The problems of a spec over the mixed table, with these candidates and changes."""

    def find(*candidates: dict[str, Any], **changes: Any) -> list[str]:
        chosen = spec(candidates=list(candidates), **changes)
        return checks.problems(chosen, made(mixed(), chosen))

    return find


@pytest.mark.parametrize(
    ("made_candidate", "message"),
    [
        pytest.param(
            candidate("linear_model.LogisticRegresion"),
            "estimator: there is no sklearn.linear_model.LogisticRegresion in the installed scikit-learn; did you mean "
            "sklearn.linear_model.LogisticRegression?",
            id="typo",
        ),
        pytest.param(candidate("nowhere.Nothing"), "estimator: there is no sklearn.nowhere.Nothing in", id="no module"),
        pytest.param(candidate("linear_model.Ridge"), "is not an estimator for classification", id="other task"),
        pytest.param(candidate("preprocessing.StandardScaler"), "is not an estimator for", id="no estimator"),
        pytest.param(
            candidate("ensemble.VotingClassifier"),
            "wraps other estimators: say them, as in parameters.est",
            id="members",
        ),
        pytest.param(
            candidate("semi_supervised.SelfTrainingClassifier"), "wraps another estimator: say it", id="wrapper"
        ),
        pytest.param(
            candidate("svm.SVC", parameters={"kernal": "rbf"}),
            "parameters.kernal: sklearn.svm.SVC has no such parameter; did you mean kernel?",
            id="unknown parameter",
        ),
        pytest.param(
            candidate("linear_model.LogisticRegression", grid={"C": [1.0, -1.0]}),
            "grid.C: The 'C' parameter of LogisticRegression must be a float in the range",
            id="wrong value",
        ),
        pytest.param(
            candidate("ensemble.BaggingClassifier", parameters={"estimator__max_depth": 3}),
            "parameters.estimator__max_depth: sklearn.ensemble.BaggingClassifier has no such parameter",
            id="parameter of nothing",
        ),
        pytest.param(
            candidate("linear_model.LogisticRegression", parameters={"class_weight": {"medium": 2}}),
            "parameters.class_weight: there is no class 'medium'; ",
            id="class that the table lacks",
        ),
    ],
)
def test_a_wrong_candidate_is_named_with_its_parameter(
    found: Callable[..., list[str]], made_candidate: dict[str, Any], message: str
) -> None:
    problems = found(made_candidate)
    assert len(problems) == 1
    assert problems[0].startswith("candidates.one: ")
    assert message in problems[0]


def test_every_problem_is_named_at_once(found: Callable[..., list[str]]) -> None:
    problems = found(
        candidate("linear_model.LogisticRegression", "a", grid={"C": [-1.0], "solver": ["best"]}),
        candidate("linear_model.Nothing", "b"),
        candidate("naive_bayes.GaussianNB", "c", parameters={"priors": [0.5]}),
    )
    assert [problem.split(": ")[0] for problem in problems] == [
        "candidates.a",
        "candidates.a",
        "candidates.b",
        "candidates.c",
    ]


@pytest.mark.parametrize(
    "made_candidate",
    [
        pytest.param(candidate("linear_model.LogisticRegression", parameters={"C": 1, "class_weight": {"small": 2}})),
        pytest.param(candidate("ensemble.HistGradientBoostingClassifier", parameters={"interaction_cst": [["size"]]})),
        pytest.param(
            candidate("naive_bayes.GaussianNB", grid={"priors": [{"small": 0.5, "middle": 0.3, "large": 0.2}]})
        ),
        pytest.param(candidate("svm.SVC")),
        pytest.param(candidate("neural_network.MLPClassifier", grid={"hidden_layer_sizes": [[10], [10, 10]]})),
        pytest.param(candidate("calibration.CalibratedClassifierCV")),
        pytest.param(candidate("naive_bayes.MultinomialNB")),
    ],
)
def test_what_can_be_fitted_has_no_problem(found: Callable[..., list[str]], made_candidate: dict[str, Any]) -> None:
    assert found(made_candidate) == []


def test_a_metric_of_probabilities_needs_an_estimator_that_gives_them(found: Callable[..., list[str]]) -> None:
    (problem,) = found(candidate("svm.LinearSVC"), metric="log_loss")
    assert (
        problem == "candidates.one: estimator: sklearn.svm.LinearSVC gives no probabilities here, which log_loss needs"
    )
    (problem,) = found(candidate("linear_model.SGDClassifier", grid={"loss": ["log_loss", "hinge"]}), metric="log_loss")
    assert "gives no probabilities here" in problem


def test_problems_of_the_folds_come_with_those_of_the_candidates(spec: Spec, made: Make) -> None:
    draw = np.random.default_rng(1)
    columns = {
        "at": [str(np.datetime64("2024-01-01") + np.timedelta64(row // 25, "D")) for row in range(200)],
        "size": draw.normal(size=200).tolist(),
        "kind": [str(kind) for kind in draw.choice(["a", "b"], 200)],
    }
    chosen = spec(event_time="at", key=[], features={}, folds=7, candidates=[candidate("svm.Nothing")])
    problems = checks.problems(chosen, made(columns, chosen))
    assert [problem.split(":")[0] for problem in problems] == ["candidates.one", "folds"]


def test_checks_import_no_mlflow() -> None:
    code = (
        "import sys; import mlyard_training_pipeline.candidates.checks; "
        "sys.exit(any(name.split('.')[0] in ('mlflow', 'onnx', 'skl2onnx') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_weights_and_decisions_need_an_estimator_that_knows_them(found: Callable[..., list[str]]) -> None:
    neighbours, vectors = candidate("neighbors.KNeighborsClassifier", "near"), candidate("svm.LinearSVC", "far")
    (weighted,) = found(neighbours, weight="count", features={"leave_out": ["amount"]})
    assert weighted.startswith("candidates.near: estimator: sklearn.neighbors.KNeighborsClassifier takes no weights of")
    (decided,) = found(vectors, decision={"expected_cost": True}, scoring={"costs": {"large": {"small": 2}}})
    assert decided.endswith("sklearn.svm.LinearSVC gives no probabilities here, which decision needs")
    (threshold,) = found(candidate("dummy.DummyClassifier"), decision={"threshold": 0.3})
    assert threshold.startswith("decision.threshold: is for two classes, and 'kind' has 3: leave it out, or say")
