"""A whole search in one process, and what becomes of the best setting wherever it was found."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.decision import Decision
from mlyard_shared.metrics import MetricName
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import deciding
from mlyard_training_pipeline.candidates.out_of_fold import FoldScores, OutOfFold
from mlyard_training_pipeline.candidates.search import methods, settings
from mlyard_training_pipeline.candidates.search.bench import Bench, Result, best
from mlyard_training_pipeline.candidates.search.budget import Budget
from mlyard_training_pipeline.data.dataset import Dataset


class Found(NamedTuple):
    """The best setting of a candidate: its mean scores over the folds, each in its own sign.

    `parameters` are those that were searched, as the spec spells them, `deviation` is that of the metric that decides,
    `rule` makes labels of probabilities, `folds` are the rows that each fold was not fitted on, `results` are all
    settings that were tried, and `fold_scores` are the best one's over each fold, which took `seconds` together.
    """

    pipeline: Any
    parameters: dict[str, Any]
    scores: dict[MetricName, float]
    deviation: float
    rule: Decision
    folds: OutOfFold
    results: tuple[Result, ...] = ()
    fold_scores: Mapping[MetricName, Sequence[float]] = MappingProxyType({})
    seconds: float = 0.0


def search(spec: ModelSpec, candidate: Candidate, dataset: Dataset, budget: Budget | None = None) -> Found:
    """Find the best setting of a candidate.

    Raises:
        TrainingError: the estimator does not take this table, or cannot be scored on it.
    """
    bench = Bench(spec, candidate, dataset)
    with bench.telling():
        results, scores = _tried(bench, budget or Budget(None))
        return _found(bench, results, scores)


def finish(spec: ModelSpec, candidate: Candidate, dataset: Dataset, results: Sequence[Result]) -> Found:
    """The best of settings that other processes tried. It is fitted on the folds once more, for what it says of them.

    Raises:
        TrainingError: the estimator does not take this table, or cannot be scored on it.
    """
    bench = Bench(spec, candidate, dataset)
    with bench.telling():
        return _found(bench, list(results), None)


def _tried(bench: Bench, budget: Budget) -> tuple[list[Result], FoldScores]:
    candidate, scores = bench.candidate, bench.scores()
    if candidate.search == "optuna":
        return list(methods.study(bench, budget, scores)), scores
    every = settings.settings_of(candidate)
    if candidate.search != "halving":
        return list(methods.one_by_one(bench, enumerate(every), budget, scores)), scores
    results: list[Result] = []
    for number in range(candidate.rungs):
        scores = bench.scores()
        results += methods.rung(bench, number, results, budget, scores)
    return results, scores


def _found(bench: Bench, results: list[Result], scores: FoldScores | None) -> Found:
    spec, chosen = bench.spec, best(results, bench.spec.metric)
    if scores is None:
        scores = bench.scores()
        chosen = bench.evaluate(chosen.number, chosen.parameters, scores)
    means = {name: chosen.mean(name) for name in chosen.scores}
    deviation, rule, folds = float(np.std(chosen.scores[spec.metric])), scores.rule, scores.best
    each: dict[MetricName, Sequence[float]] = dict(chosen.scores)
    # The threshold that the spec asks for, by which its labels are scored again.
    if (tuned := deciding.tuned(spec, folds, bench.measures)) is not None:
        rule = tuned
        folds, values = scores.decided(rule)
        each |= values
        means |= {name: float(np.mean(one)) for name, one in values.items()}
        deviation = float(np.std(values[spec.metric]))
    pipeline = bench.fit(chosen.parameters)
    return Found(
        pipeline, chosen.parameters, means, deviation, rule, folds, tuple(results), each, seconds=chosen.seconds
    )
