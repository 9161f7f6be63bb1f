import numpy as np
import pytest
from mlyard_shared.decision import Decision
from mlyard_training_pipeline.candidates import predictions
from mlyard_training_pipeline.candidates.predictions import Predictions, decided, predict

TRUTH = np.array([0, 0, 1, 2])
SURE = Predictions(TRUTH, np.eye(3)[TRUTH])


def test_some_rows_of_predictions_keep_labels_and_probabilities_together() -> None:
    some = SURE.of(np.array([False, True, False, True]))
    assert some.labels.tolist() == [0, 2]
    assert some.probabilities is not None
    assert some.probabilities.argmax(axis=1).tolist() == [0, 2]


class Undecided:
    """A pipeline that gives the second class a hair more, and calls it the label."""

    n_features_in_ = 1

    def __getitem__(self, _: int) -> "Undecided":
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        return np.tile([0.5 - 1e-9, 0.5 + 1e-9], (len(matrix), 1))

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        return np.ones(len(matrix))


def test_labels_are_made_of_probabilities_by_the_rule_or_by_the_estimator_without_one() -> None:
    matrix = np.zeros((2, 1))
    assert predict(Undecided(), matrix, task="classification").labels.tolist() == [0, 0]
    assert predict(Undecided(), matrix, task="classification", rule=None).labels.tolist() == [1, 1]
    threshold = Decision(kind="threshold", threshold=0.1)
    assert decided(np.array([[0.8, 0.2], [0.95, 0.05]]), threshold).labels.tolist() == [1, 0]


def test_rows_are_predicted_in_parts_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "_CELLS", 3)
    assert len(predict(Undecided(), np.zeros((8, 1)), task="classification").labels) == 8
    assert len(predict(Undecided(), np.zeros((8, 1)), task="regression").labels) == 8
