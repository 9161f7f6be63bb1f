import numpy as np
from mlyard_training_pipeline.candidates.scoring import Predictions
from mlyard_training_pipeline.versions.champion import translate


def test_predictions_over_other_classes_keep_their_meaning() -> None:
    spoken = Predictions(np.array([0, 1, 2]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]))
    found = translate(spoken, known=("a", "b", "c"), wanted=("b", "c", "d"))
    assert found.labels.tolist() == [-1, 0, 1]
    assert found.probabilities is not None
    assert found.probabilities[2].tolist() == [0.1, 0.8, 0.0]
