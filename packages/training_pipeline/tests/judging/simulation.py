"""How often the gate replaces a champion by luck, and how often it lets a better model pass: `hatch run bench-gates`.

An A/A series retrains the same model 200 times on a window of 2 000 rows that moves on by 1 % each time, so that no
version is truly better than the one before. Beside the gate it counts what the plain rule (a better score wins) does.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.predictions import Predictions, predict
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging import bootstrap
from mlyard_training_pipeline.judging.rows import Judged
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

LEVEL = 0.99
ROWS, NEW = 2_000, 20
MEASURES = {"classification": Measures(2, 1), "regression": Measures()}
Maker = Callable[[], Any]


class Series(NamedTuple):
    """How often the champion was replaced in a series of retrainings."""

    by_gate: int
    by_score: int


def retrainings(make: Maker, metric: MetricName, *, count: int, seed: int) -> Series:
    """Retrain a model on a moving window, and count how often each rule replaces the champion."""
    task = METRICS[metric].task
    numbers, target = population(ROWS + NEW * count, task, seed=seed)
    held_out = np.random.default_rng(seed + 1).random(len(target)) < 0.2
    replaced = [0, 0]
    champions: list[Any] = [None, None]
    for number in range(count + 1):
        window = slice(number * NEW, number * NEW + ROWS)
        rows, truth, aside = numbers[window], target[window], held_out[window]
        fitted = make_pipeline(make()).fit(rows[~aside], truth[~aside])
        judged = Judged(truth[aside], MEASURES[task].classes)
        found = predict(fitted, rows[aside], task=task)
        for place, rule in enumerate((_by_gate, _by_score)):
            champion = champions[place]
            if champion is None or rule(metric, judged, found, predict(champion, rows[aside], task=task)):
                replaced[place] += champion is not None
                champions[place] = fitted
    return Series(*replaced)


def passes(metric: MetricName, pairs: Iterator[tuple[Judged, Predictions, Predictions]], *, margin: float = 0) -> int:
    """How often a candidate beats a champion by more than a margin."""
    return sum(_by_gate(metric, *pair, margin=margin) for pair in pairs)


def better_by(gain: float, *, rows: int, count: int, seed: int) -> Iterator[tuple[Judged, Predictions, Predictions]]:
    """Pairs of models with an accuracy of 0.8 + gain and 0.8, whose mistakes have nothing to do with one another."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        truth = draw.integers(0, 2, rows)
        right = (draw.random(rows) < 0.8 + gain, draw.random(rows) < 0.8)
        candidate, champion = (Predictions(np.where(one, truth, 1 - truth)) for one in right)
        yield Judged(truth, 2), candidate, champion


def one_column_more(*, rows: int, count: int, seed: int) -> Iterator[tuple[Judged, Predictions, Predictions]]:
    """Pairs of real models: the candidate sees a column that the champion does not, worth 0.05 of accuracy."""
    for number in range(count):
        numbers, target = population(ROWS + rows, "classification", seed=seed + number)
        candidate, champion = (
            predict(
                make_pipeline(LogisticRegression()).fit(numbers[:ROWS, :columns], target[:ROWS]),
                numbers[ROWS:, :columns],
                task="classification",
            )
            for columns in (5, 4)
        )
        yield Judged(target[ROWS:], 2), candidate, champion


def population(count: int, task: str, *, seed: int) -> tuple[Array, Array]:
    """Rows that never change their nature: numbers, and a target with noise that no model can learn."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=(count, 5))
    signal = numbers @ [1.2, -0.8, 0.5, 0.4, 0.9] + 0.5 * numbers[:, 0] * numbers[:, 1]
    if task == "regression":
        return numbers, signal + draw.standard_t(4, count)
    return numbers, (draw.random(count) < 1 / (1 + np.exp(-1.4 * signal))).astype(np.int64)


def _by_gate(
    metric: MetricName, judged: Judged, candidate: Predictions, champion: Predictions, *, margin: float = 0
) -> bool:
    task = METRICS[metric].task
    return bootstrap.gain(metric, judged, candidate, champion, MEASURES[task], level=LEVEL).low > margin


def _by_score(metric: MetricName, judged: Judged, candidate: Predictions, champion: Predictions) -> bool:
    measures = MEASURES[METRICS[metric].task]
    found = [scoring.score(metric, judged.truth, one, measures) for one in (candidate, champion)]
    return METRICS[metric].gain(candidate=found[0], champion=found[1]) > 0


SERIES: dict[str, tuple[Maker, MetricName]] = {
    "logistic regression, accuracy": (LogisticRegression, "accuracy"),
    "logistic regression, log loss": (LogisticRegression, "log_loss"),
    "tree, accuracy": (lambda: DecisionTreeClassifier(min_samples_leaf=20, random_state=0), "accuracy"),
    "tree, F1": (lambda: DecisionTreeClassifier(min_samples_leaf=20, random_state=0), "f1_macro"),
    "forest, accuracy": (lambda: RandomForestClassifier(20, random_state=0), "accuracy"),
    "forest, area under the curve": (lambda: RandomForestClassifier(20, random_state=0), "roc_auc"),
    "boosting, average precision": (lambda: HistGradientBoostingClassifier(max_iter=20), "average_precision"),
    "boosting, log loss": (lambda: HistGradientBoostingClassifier(max_iter=20), "log_loss"),
    "tree, RMSE": (lambda: DecisionTreeRegressor(min_samples_leaf=20, random_state=0), "rmse"),
    "forest, MAE": (lambda: RandomForestRegressor(20, random_state=0), "mae"),
}


def main() -> None:
    """Print how often champions were replaced by luck, and how often by a better model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="series of each model and metric")
    parser.add_argument("--retrainings", type=int, default=200)
    parser.add_argument("--only", default="", help="series whose name holds this text, or power")
    arguments = parser.parse_args()
    print(f"A/A: replacements in {arguments.retrainings} retrainings ({ROWS} rows, {NEW} new each), level {LEVEL}")
    print(f"{'model and metric':<32} {'gate':>12} {'better score':>14} {'CPU s':>7}")
    for name, (make, metric) in ((name, series) for name, series in SERIES.items() if arguments.only in name):
        begun = time.process_time()
        found = [
            retrainings(make, metric, count=arguments.retrainings, seed=100 * seed) for seed in range(arguments.seeds)
        ]
        gate, score = (", ".join(map(str, side)) for side in zip(*found, strict=True))
        print(f"{name:<32} {gate:>12} {score:>14} {time.process_time() - begun:7.1f}", flush=True)
    if arguments.only not in ("", "power"):
        return
    print("\nPower: how many of 200 candidates with a true gain in accuracy pass, 2 000 rows held out")
    for gain in (0.0, 0.02, 0.05):
        pairs = better_by(gain, rows=2_000, count=200, seed=1)
        print(f"  {gain:.2f}, mistakes unrelated to the champion's: {passes('accuracy', pairs)}")
    for metric in ("accuracy", "log_loss", "roc_auc"):
        pairs = one_column_more(rows=2_000, count=200, seed=1_000)
        print(f"  a column more, worth 0.05 of accuracy, by {metric}: {passes(metric, pairs)}")


if __name__ == "__main__":
    main()
