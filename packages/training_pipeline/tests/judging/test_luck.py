import numpy as np
import pytest
from mlyard_training_pipeline.judging import luck
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_score


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (1, 0.0),
        (2, 0.56418958),
        (3, 0.84628438),
        (5, 1.16296447),
        (10, 1.53875273),
        (20, 1.86747506),
        (100, 2.50759364),
    ],
)
def test_the_expected_largest_of_normal_numbers_is_as_published(draws: int, expected: float) -> None:
    # Teichroew (1956); 1 / sqrt(pi) of two.
    assert luck.expected_maximum(draws) == pytest.approx(expected, abs=1e-6)


def test_the_optimism_is_that_of_the_best_of_equals() -> None:
    told = luck.optimism(7, 0.01)
    assert told is not None
    assert told.startswith("the holdout was used by 7 trainings: of 7 equally good models the best looks better")
    luckiest = np.random.default_rng(1).normal(0, 0.01, (20_000, 7)).max(axis=1).mean()
    assert told.endswith(f"by up to {luckiest:.2g}")
    assert luck.optimism(1, 0.01) is None


def test_a_gap_between_folds_and_holdout_is_told_where_it_is_more_than_chance_allows() -> None:
    told = luck.gap("accuracy", folds=(0.911, 0.008), holdout=(0.874, 0.01))
    assert told is not None
    assert told.startswith("accuracy is 0.911 over the folds and 0.874 on the holdout: a gap of 0.037, where chance")
    assert luck.gap("accuracy", folds=(0.911, 0.008), holdout=(0.874, 0.02)) is None
    assert luck.gap("rmse", folds=(2.0, 0.1), holdout=(2.1, 0.1)) is None


@pytest.mark.long
def test_of_honest_folds_few_gaps_are_told() -> None:
    # 5 % are expected where the error of the folds' mean is right; it is known to be estimated from few numbers.
    told = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        numbers = draw.normal(size=(300, 4))
        truth = numbers.sum(axis=1) + draw.normal(size=300)
        rows, aside = slice(0, 200), slice(200, 300)
        folds = cross_val_score(
            LinearRegression(), numbers[rows], truth[rows], cv=KFold(5), scoring="neg_mean_absolute_error"
        )
        errors = np.abs(truth[aside] - LinearRegression().fit(numbers[rows], truth[rows]).predict(numbers[aside]))
        told += (
            luck.gap(
                "mae",
                folds=(-folds.mean(), luck.folds_error(folds.std(), 5)),
                holdout=(errors.mean(), errors.std() / 10),
            )
            is not None
        )
    assert 1 <= told <= 12
