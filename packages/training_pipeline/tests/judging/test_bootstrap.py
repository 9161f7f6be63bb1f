import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared.features import Array
from mlyard_shared.gate import Gain
from mlyard_shared.metrics import MetricName
from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.predictions import DECISION, Predictions, decided
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging import bootstrap
from mlyard_training_pipeline.judging.rows import Judged
from mlyard_training_pipeline.judging.statistics import statistic
from scipy.stats import binom
from sklearn.tree import DecisionTreeClassifier

from .simulation import better_by, one_column_more, passes, retrainings

TWO = Measures(2, 1)


def won(wins: int, losses: int, ties: int = 400, level: float = 0.99) -> Gain:
    """The gain in accuracy of a candidate that is right in `wins` rows where the champion is wrong."""
    truth = np.zeros(wins + losses + ties, dtype=np.int64)
    candidate, champion = truth.copy(), truth.copy()
    champion[:wins], candidate[wins : wins + losses] = 1, 1
    return bootstrap.gain("accuracy", Judged(truth, 2), Predictions(candidate), Predictions(champion), TWO, level=level)


def two_models(rows: int, seed: int, classes: int = 2) -> tuple[Judged, Predictions, Predictions]:
    """Two middling models whose scores are about the same."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, rows)
    signal = draw.normal(size=(rows, classes)) + np.eye(classes)[truth]

    def model() -> Predictions:
        scores = np.exp(signal + 0.4 * draw.normal(size=(rows, classes)))
        return decided(scores / scores.sum(axis=1, keepdims=True), DECISION)

    return Judged(truth, classes), model(), model()


@pytest.mark.parametrize(
    "losses", [0, 3, *(pytest.param(losses, marks=pytest.mark.long) for losses in (1, 2, 6, 10, 20))]
)
def test_wins_and_losses_are_as_sure_as_the_exact_sign_test(losses: int) -> None:
    # The fewest wins with which McNemar's exact test (1947; the binomial form) rejects at 0.5 % on one side.
    exact = next(wins for wins in range(100) if binom.cdf(losses, wins + losses, 0.5) < 0.005)
    sure = next(wins for wins in range(losses, 100) if won(wins, losses).low > 0)
    assert exact <= sure + 1
    assert abs(sure - exact) <= 1


def test_of_many_rows_the_interval_is_that_of_the_normal_distribution() -> None:
    draw = np.random.default_rng(3)
    truth = draw.normal(size=3_000)
    candidate, champion = (Predictions(truth + scale * draw.normal(size=3_000)) for scale in (1.0, 1.05))
    found = bootstrap.gain("mae", Judged(truth), candidate, champion, Measures(), level=0.95)
    gains = np.abs(truth - champion.labels) - np.abs(truth - candidate.labels)
    error = gains.std() / np.sqrt(3_000)
    assert found.value == pytest.approx(gains.mean())
    assert [found.low, found.high] == pytest.approx(
        [gains.mean() - 1.96 * error, gains.mean() + 1.96 * error], abs=error / 5
    )


@pytest.mark.parametrize(
    "metric", ["accuracy", *(pytest.param(name, marks=pytest.mark.long) for name in ("log_loss", "roc_auc"))]
)
def test_as_many_intervals_lie_aside_of_a_gain_that_is_not_there_as_their_level_says(metric: MetricName) -> None:
    # Of 80 pairs of equally good models 32 are expected outside of 60 % intervals, with a deviation of 4.4.
    found = [bootstrap.gain(metric, *two_models(150, seed), TWO, level=0.6) for seed in range(80)]
    assert 18 <= sum(gain.low > 0 or gain.high < 0 for gain in found) <= 46
    # At 99 % it is 0.8; 5 or more have a chance of 0.1 %.
    found = [bootstrap.gain(metric, *two_models(150, seed), TWO, level=0.99) for seed in range(80)]
    assert sum(gain.low > 0 or gain.high < 0 for gain in found) < 5


@pytest.mark.long
def test_few_champions_are_replaced_by_luck_and_many_by_a_better_score() -> None:
    # A small form of the simulation, whose whole is a command.
    tree = retrainings(
        lambda: DecisionTreeClassifier(min_samples_leaf=20, random_state=0), "accuracy", count=60, seed=100
    )
    assert tree.by_gate <= 1
    assert tree.by_score >= 2


def test_better_models_pass_and_equal_ones_do_not() -> None:
    assert passes("accuracy", better_by(0.05, rows=2_000, count=2, seed=1)) == 2
    assert passes("accuracy", better_by(0.0, rows=2_000, count=2, seed=2)) == 0


@pytest.mark.long
def test_nine_of_ten_better_models_pass() -> None:
    assert passes("accuracy", better_by(0.05, rows=2_000, count=10, seed=1)) >= 9
    assert passes("accuracy", one_column_more(rows=2_000, count=2, seed=9)) == 2
    assert passes("accuracy", better_by(0.0, rows=2_000, count=10, seed=2)) <= 1


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_rows_of_a_group_are_drawn_together(metric: MetricName) -> None:
    judged, candidate, champion = two_models(200, 5)
    rows = np.tile(np.arange(200), 9)
    many = judged.of(rows)._replace(groups=rows)
    alone = bootstrap.gain(metric, judged, candidate, champion, TWO, level=0.9)
    together = bootstrap.gain(metric, many, candidate.of(rows), champion.of(rows), TWO, level=0.9)
    apart = bootstrap.gain(metric, many._replace(groups=None), candidate.of(rows), champion.of(rows), TWO, level=0.9)
    # Nine times the same row say as much as one does; taken one by one they would seem to say three times as much.
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert apart.high - apart.low == pytest.approx((alone.high - alone.low) / 3, rel=0.15)


@settings(max_examples=12, deadline=None, database=None)
@given(seed=st.integers(0, 10**6), metric=st.sampled_from(["accuracy", "f1_macro", "brier", "roc_auc"]))
def test_the_other_way_round_the_interval_is_the_mirror_image(seed: int, metric: MetricName) -> None:
    judged, candidate, champion = two_models(80, seed)
    one = bootstrap.gain(metric, judged, candidate, champion, TWO, level=0.9)
    other = bootstrap.gain(metric, judged, champion, candidate, TWO, level=0.9)
    assert one.low <= one.value <= one.high
    assert one.value == pytest.approx(-other.value)
    assert one.low == pytest.approx(-other.high, abs=0.25 * (one.high - one.low))


@settings(max_examples=10, deadline=None, database=None)
@given(seed=st.integers(0, 10**6))
def test_a_higher_level_gives_a_longer_interval_and_the_same_question_the_same_answer(seed: int) -> None:
    judged, candidate, champion = two_models(80, seed)
    levels = [bootstrap.gain("brier", judged, candidate, champion, TWO, level=level) for level in (0.8, 0.95, 0.99)]
    lows, highs = [gain.low for gain in levels], [gain.high for gain in levels]
    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)
    assert levels[2] == bootstrap.gain("brier", judged, candidate, champion, TWO, level=0.99)


def test_a_champion_that_knows_a_class_no_more_is_wrong_about_its_rows() -> None:
    judged, candidate, champion = two_models(60, 8)
    gone = Predictions(np.where(champion.labels == 1, -1, champion.labels), champion.probabilities)
    for metric in ("accuracy", "balanced_accuracy", "f1_macro", "f_beta"):
        found = bootstrap.gain(metric, judged, candidate, gone, TWO, level=0.9)
        scores = [scoring.score(metric, judged.truth, one, TWO) for one in (candidate, gone)]
        assert found.value == pytest.approx(scores[0] - scores[1])
        assert 0 < found.low <= found.value <= found.high


def test_two_models_that_say_the_same_differ_by_nothing() -> None:
    judged, candidate, _ = two_models(50, 1)
    found = bootstrap.gain("roc_auc", judged, candidate, candidate, TWO, level=0.99)
    assert (found.value, found.low, found.high) == (0, 0, 0)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_more_rows_than_are_drawn_one_by_one_give_the_same_interval(
    metric: MetricName, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = two_models(3_000, 2)
    exact = bootstrap.gain(metric, *pair, TWO, level=0.9)
    monkeypatch.setattr(bootstrap, "_MOST_UNITS", 500)
    monkeypatch.setattr(bootstrap, "_MOST_RANKED", 100)
    near = bootstrap.gain(metric, *pair, TWO, level=0.9)
    assert near.value == exact.value
    assert [near.low, near.high] == pytest.approx([exact.low, exact.high], abs=0.15 * (exact.high - exact.low))


def test_ten_thousand_rows_cost_little() -> None:
    pair = two_models(10_000, 4)
    begun = time.process_time()
    bootstrap.gain("log_loss", *pair, TWO, level=0.99)
    assert time.process_time() - begun < 4  # measured: 0.5


@pytest.mark.parametrize("metric", ["accuracy", "rmse", "roc_auc"])
def test_the_standard_error_is_the_spread_of_the_metric_over_other_samples(metric: MetricName) -> None:
    def sample(seed: int) -> tuple[Judged, Predictions, Measures]:
        if metric == "rmse":
            draw = np.random.default_rng(seed)
            return Judged(draw.normal(size=400)), Predictions(np.zeros(400)), Measures()
        judged, found, _ = two_models(400, seed)
        return judged, found, TWO

    def value(judged: Judged, found: Predictions, measures: Measures) -> float:
        made: Array = statistic(metric, judged, found, measures).values(np.ones((1, 400)))
        return float(made[0])

    spread = np.std([value(*sample(seed)) for seed in range(200)])
    errors = [bootstrap.standard_error(metric, *sample(seed)) for seed in range(1_000, 1_008)]
    assert np.mean(errors) == pytest.approx(spread, rel=0.15)
