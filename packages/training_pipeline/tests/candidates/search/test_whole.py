import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.errors import TrainingError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import folds, scoring, search
from mlyard_training_pipeline.candidates.predictions import predict
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.candidates.search import Found
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]
FOREST = "sklearn.ensemble.RandomForestClassifier"


def ties(count: int = 300) -> dict[str, list[Any]]:
    """Two classes that a small forest often gives the same share."""
    draw = np.random.default_rng(3)
    sizes = draw.integers(0, 8, count)
    return {
        "id": list(range(count)),
        "size": sizes.tolist(),
        "kind": [("no", "yes")[int(value)] for value in draw.random(count) < sizes / 8],
    }


@pytest.fixture
def found(spec: Spec, made: Make) -> Callable[..., tuple[Found, ModelSpec, Dataset]]:
    def find(
        path: str, columns: dict[str, list[Any]] | None = None, **changes: Any
    ) -> tuple[Found, ModelSpec, Dataset]:
        own = {"parameters": changes.pop("parameters", {}), "grid": changes.pop("grid", {})}
        chosen = spec(candidates=[{"name": "one", "estimator": path, **own}], **{"features": {}, **changes})
        dataset = made(columns or ties(), chosen)
        return search.search(chosen, chosen.candidates[0], dataset), chosen, dataset

    return find


def test_the_scores_of_folds_are_those_of_our_labels(found: Callable[..., Any]) -> None:
    best, spec, dataset = found(FOREST, parameters={"n_estimators": 2, "max_depth": 2})
    training = ~dataset.held_out
    matrix, target = dataset.matrix(training, precision="float32"), dataset.target[training]
    scores = []
    for fit, test in folds.splits(spec, dataset):
        from sklearn.base import clone

        fitted = clone(best.pipeline).fit(matrix[fit], target[fit])
        predictions = predict(fitted, matrix[test], task="classification")
        scores.append(scoring.score("accuracy", target[test], predictions, Measures(2, 1)))
    assert best.scores["accuracy"] == pytest.approx(np.mean(scores), abs=1e-12)
    assert best.deviation == pytest.approx(np.std(scores), abs=1e-12)


def test_the_label_is_ours_where_the_estimators_own_differs(found: Callable[..., Any]) -> None:
    best, _, dataset = found("sklearn.svm.SVC", parameters={"probability": True}, metric="accuracy")
    matrix = dataset.matrix(precision="float64")
    predictions = predict(best.pipeline, matrix, task="classification")
    assert predictions.probabilities is not None
    assert (predictions.labels == predictions.probabilities.argmax(axis=1)).all()


def test_the_best_setting_is_told_as_the_spec_spells_it(found: Callable[..., Any]) -> None:
    weights = [{"no": 1.0, "yes": 50.0}, {"no": 1.0, "yes": 1.0}]
    best, _, _ = found("sklearn.linear_model.LogisticRegression", grid={"class_weight": weights, "C": [1.0]})
    assert best.parameters == {"class_weight": weights[1], "C": 1.0}
    assert best.pipeline[-1].class_weight == {0: 1.0, 1: 1.0}


def test_other_metrics_stand_beside_the_one_that_decides(found: Callable[..., Any]) -> None:
    best, _, _ = found(FOREST, parameters={"n_estimators": 5}, metric="roc_auc")
    assert set(best.scores) == set(scoring.metrics_for("classification", Measures(2, 1), probabilities=True))
    assert best.scores["log_loss"] > 0


def test_scores_of_a_regression_are_in_their_own_sign(regression: Spec, made: Make) -> None:
    columns = ties() | {"amount": np.random.default_rng(1).normal(size=300).tolist()}
    chosen = regression(features={"leave_out": ["kind"]})
    best = search.search(chosen, chosen.candidates[0], made(columns, chosen))
    assert set(best.scores) == {"rmse", "mae", "mape", "r2"}
    assert best.scores["rmse"] > 0


def test_what_an_estimator_refuses_is_one_sentence(found: Callable[..., Any]) -> None:
    with pytest.raises(TrainingError, match=r"candidate one \(sklearn.svm.NuSVC\) cannot be trained: "):
        found("sklearn.svm.NuSVC", parameters={"nu": 1.0})


def test_a_score_that_is_not_a_number_is_one_sentence(regression: Spec, made: Make, monkeypatch: Any) -> None:
    columns = ties() | {"amount": np.random.default_rng(1).normal(size=300).tolist()}
    chosen = regression(features={"leave_out": ["kind"]})
    dataset = made(columns, chosen)
    monkeypatch.setattr(scoring, "score", lambda *_, **__: float("nan"))
    with pytest.raises(TrainingError, match="cannot be scored: its rmse over fold 1 is not a number"):
        search.search(chosen, chosen.candidates[0], dataset)


def test_warnings_of_an_estimator_are_logged_once(found: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found("sklearn.linear_model.LogisticRegression", parameters={"max_iter": 1})
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "candidate one: lbfgs failed to converge" in caplog.text


def weighted(count: int = 300) -> dict[str, list[Any]]:
    """Rows of one kind that count four times as much as those of the other."""
    columns = ties(count)
    return columns | {"counts": [4.0 if kind == "yes" else 1.0 for kind in columns["kind"]]}


def test_weights_of_rows_count_in_fits_and_in_the_scores_of_folds(spec: Spec, made: Make) -> None:
    tree = {"name": "tree", "estimator": "sklearn.tree.DecisionTreeClassifier", "parameters": {"max_depth": 2}}
    chosen = spec(candidates=[tree], features={}, weight="counts", metric="balanced_accuracy")
    data = made(weighted(), chosen)
    assert [column.name for column in data.schema.columns] == ["size"]
    best = search.search(chosen, chosen.candidates[0], data)
    from sklearn.base import clone

    training = ~data.held_out
    assert data.weights is not None
    matrix, target, weights = data.matrix(training, precision="float32"), data.target[training], data.weights[training]
    scores = []
    for fit, test in folds.splits(chosen, data):
        fitted = clone(best.pipeline).fit(matrix[fit], target[fit], model__sample_weight=weights[fit])
        answers = predict(fitted, matrix[test], task="classification")
        scores.append(scoring.score("accuracy", target[test], answers, Measures(2, 1), weights[test]))
    assert best.scores["accuracy"] == pytest.approx(np.mean(scores))
    plain = clone(best.pipeline).fit(matrix, target)
    assert (plain.predict_proba(matrix)[:, 1] < best.pipeline.predict_proba(matrix)[:, 1]).any()


def test_a_threshold_is_tuned_on_rows_that_the_folds_were_not_fitted_on(found: Callable[..., Any]) -> None:
    path, costs = "sklearn.linear_model.LogisticRegression", {"yes": {"no": 9}, "no": {"yes": 1}}
    more = {"metric": "cost", "scoring": {"costs": costs}}
    plain, _, _ = found(path, **more)
    tuned, _, data = found(path, decision={"threshold_for": "cost"}, **more)
    expected, _, _ = found(path, decision={"expected_cost": True}, **more)
    assert tuned.rule.kind == "threshold"
    assert 0 < tuned.rule.threshold < 0.4
    assert tuned.scores["cost"] < plain.scores["cost"]
    assert expected.rule.kind == "costs"
    assert expected.scores["cost"] < plain.scores["cost"]
    assert sum(len(fold.truth) for fold in tuned.folds) == (~data.held_out).sum()
    # Metrics of probabilities have nothing to do with labels.
    assert tuned.scores["log_loss"] == pytest.approx(plain.scores["log_loss"])


def test_the_folds_that_are_kept_are_those_of_the_best_setting(found: Callable[..., Any]) -> None:
    grid = {"max_depth": [1, 3, 2]}
    best, _, _ = found(FOREST, parameters={"n_estimators": 5}, grid=grid)
    alone, _, _ = found(FOREST, parameters={"n_estimators": 5, **best.parameters})
    for kept, expected in zip(best.folds, alone.folds, strict=True):
        assert (kept.found.probabilities == expected.found.probabilities).all()
