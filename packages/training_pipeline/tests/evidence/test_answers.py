from pathlib import Path

import numpy as np
import pytest
from mlyard_training_pipeline.candidates.out_of_fold import Fold
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.evidence import answers
from mlyard_training_pipeline.evidence.answers import MOST, Answers


def test_answers_are_kept_in_a_file_with_names_and_what_a_model_does_not_give(tmp_path: Path) -> None:
    file = tmp_path / "answers.npz"
    labels, probabilities = np.array([0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]])
    answers.write(
        file,
        {
            "a.b": Answers(np.array([1, 1]), Predictions(labels, probabilities), np.array([1.0, 2.0])),
            "numbers": Answers(np.array([1.5]), Predictions(np.array([2.5]))),
        },
    )
    found = answers.read(file)
    assert list(found) == ["a.b", "numbers"]
    assert found["a.b"].found.probabilities is not None
    assert found["a.b"].found.probabilities.tolist() == probabilities.tolist()
    assert found["a.b"].weights is not None
    assert found["numbers"].weights is None
    assert found["numbers"].found.labels.tolist() == [2.5]


@pytest.mark.parametrize("rows", [10, MOST, 3 * MOST])
def test_no_more_rows_are_kept_than_a_plot_needs_and_they_are_of_the_whole_length(tmp_path: Path, rows: int) -> None:
    numbers = np.arange(float(rows))
    answers.write(tmp_path / "answers.npz", {"all": Answers(numbers, Predictions(numbers))})
    found = answers.read(tmp_path / "answers.npz")["all"]
    assert len(found.truth) == min(rows, MOST)
    assert (found.truth[0], found.truth[-1]) == (0, rows - 1)
    assert (found.truth == found.found.labels).all()


def test_the_answers_of_folds_are_put_together() -> None:
    folds = tuple(Fold(np.array([n]), Predictions(np.array([n + 1])), np.array([n + 2.0])) for n in range(3))
    found = answers.of_folds(folds)
    assert found.truth.tolist() == [0, 1, 2]
    assert found.found.labels.tolist() == [1, 2, 3]
    assert found.weights is not None
    assert found.weights.tolist() == [2, 3, 4]


def test_of_large_folds_no_more_is_put_together_than_is_kept() -> None:
    numbers = np.arange(float(MOST))
    found = answers.of_folds(tuple(Fold(numbers, Predictions(numbers), None) for _ in range(5)))
    assert len(found.truth) == MOST
