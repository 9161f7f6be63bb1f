import numpy as np
import pytest
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import score, scores

TRUTH = np.array([0, 0, 1, 2])
SURE = Predictions(TRUTH, np.eye(3)[TRUTH])


def test_every_metric_of_a_classification_knows_a_perfect_answer() -> None:
    found = scores("classification", TRUTH, SURE, classes=3)
    assert found.pop("log_loss") == pytest.approx(0, abs=1e-9)
    assert found == {"accuracy": 1, "balanced_accuracy": 1, "f1_macro": 1, "roc_auc": 1}


def test_every_metric_of_a_regression_is_in_its_own_sign() -> None:
    found = scores("regression", np.array([1.0, 2.0, 3.0]), Predictions(np.array([2.0, 3.0, 4.0])))
    assert found == {"rmse": 1, "mae": 1, "r2": -0.5}


def test_without_probabilities_their_metrics_are_left_out() -> None:
    assert set(scores("classification", TRUTH, Predictions(TRUTH), classes=3)) == {
        "accuracy",
        "balanced_accuracy",
        "f1_macro",
    }
    with pytest.raises(ValueError, match="log_loss needs probabilities"):
        score("log_loss", TRUTH, Predictions(TRUTH), classes=3)


def test_balanced_accuracy_weighs_classes_and_not_rows() -> None:
    assert score("balanced_accuracy", TRUTH, Predictions(np.array([0, 0, 0, 0]))) == pytest.approx(1 / 3)


def test_the_area_under_the_curve_needs_every_class() -> None:
    with pytest.raises(ValueError, match="roc_auc needs rows of every class"):
        score("roc_auc", np.array([0, 0]), Predictions(np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]])), classes=2)
