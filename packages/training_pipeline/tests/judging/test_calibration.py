import numpy as np
import pytest
from mlyard_shared.features import Array
from mlyard_training_pipeline.judging import calibration


def promised(rows: int, seed: int, *, off: float = 0.0) -> tuple[Array, Array, Array]:
    """Probabilities that promise so much more than happens."""
    draw = np.random.default_rng(seed)
    second = draw.uniform(0.2, 0.8, rows)
    truth = (draw.random(rows) < second - off).astype(np.int64)
    return truth, np.column_stack([1 - second, second]), np.ones(rows)


def test_true_probabilities_have_no_error_but_for_chance() -> None:
    # Without the correction it would be about sqrt(0.22 * 15 / 400) = 0.09.
    errors = [calibration.error(*promised(400, seed)) for seed in range(60)]
    assert np.median(errors) < 0.03
    assert np.mean(np.square(errors)) < 0.0025  # 0.05 squared; uncorrected it is 0.008


@pytest.mark.parametrize("off", [0.05, 0.1, 0.15])
def test_the_error_is_how_much_too_much_is_promised(off: float) -> None:
    assert calibration.error(*promised(40_000, 1, off=off)) == pytest.approx(off, abs=0.01)


def test_rows_that_count_more_decide_more() -> None:
    truth, probabilities, _ = promised(20_000, 2, off=0.15)
    right = np.random.default_rng(5).random(20_000) < 0.5
    truth[right] = (np.random.default_rng(6).random(20_000) < probabilities[:, 1])[right]
    even = calibration.error(truth, probabilities, np.ones(20_000))
    heavy = calibration.error(truth, probabilities, np.where(right, 20.0, 1.0))
    assert heavy < even / 2


def test_of_several_classes_the_largest_probability_is_the_promise() -> None:
    draw = np.random.default_rng(3)
    probabilities = draw.dirichlet([2, 2, 2], 20_000)
    truth = np.array([draw.choice(3, p=row) for row in probabilities])
    assert calibration.error(truth, probabilities, np.ones(20_000)) < 0.02
    sharper = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    assert calibration.error(truth, sharper, np.ones(20_000)) > 0.1
