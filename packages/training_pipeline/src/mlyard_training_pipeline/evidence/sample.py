"""A candidate on a few of its training rows, so that it can be fitted again and again."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS

from mlyard_training_pipeline.candidates import estimators, predictions, scoring
from mlyard_training_pipeline.candidates.folds import Split
from mlyard_training_pipeline.candidates.search.bench import Bench
from mlyard_training_pipeline.tracking.references import CandidateRun

ROWS = 10_000


class Sample(NamedTuple):
    """At most `ROWS` training rows with the candidate's folds among them.

    `pipeline` is not fitted, `score` is greater for a better fit, and `seconds` is what one fit and its scoring took
    for each row of the training.
    """

    pipeline: Any
    inputs: tuple[str, ...]
    matrix: Array
    target: Array
    weights: Array | None
    splits: list[Split]
    score: Callable[[Any, Array, Array], float]
    seconds: float

    @property
    def parameters(self) -> dict[str, Array] | None:
        """What a fit of the pipeline takes beside rows and target."""
        return None if self.weights is None else {f"{self.pipeline.steps[-1][0]}__sample_weight": self.weights}

    def fit(self, rows: Array) -> Any:
        """The pipeline fitted on some of the rows."""
        from sklearn.base import clone

        given = {name: values[rows] for name, values in (self.parameters or {}).items()}
        return clone(self.pipeline).fit(self.matrix[rows], self.target[rows], **given)


def take(bench: Bench, trained: CandidateRun) -> Sample:
    """Take the rows at random, always the same ones."""
    data, training = bench.dataset, np.flatnonzero(bench.dataset.training)
    chosen = np.sort(np.random.default_rng(estimators.SEED).permutation(len(training))[:ROWS])
    rows = np.zeros(data.rows, dtype=bool)
    rows[training[chosen]] = True
    places = np.full(len(training), -1)
    places[chosen] = np.arange(len(chosen))
    splits = [(_known(places[fit]), _known(places[test])) for fit, test in bench.splits]
    fitted = sum(len(fit) for fit, _ in bench.splits)
    return Sample(
        bench.with_setting(trained.parameters),
        data.schema.input_names,
        data.matrix(rows, precision=estimators.precision(bench.candidate)),
        np.asarray(data.target[rows]),
        None if data.weights is None else np.asarray(data.weights[rows]),
        [(fit, test) for fit, test in splits if len(fit) and len(test)],
        _scorer(bench, trained.decision),
        trained.seconds / max(fitted, 1),
    )


def _known(places: Array) -> Array:
    found: Array = places[places >= 0]
    return found


def _scorer(bench: Bench, rule: Decision | None) -> Callable[[Any, Array, Array], float]:
    metric = METRICS[bench.spec.metric]

    def score(fitted: Any, matrix: Array, truth: Array) -> float:
        found = predictions.predict(fitted, matrix, task=bench.spec.task, rule=rule)
        try:
            return metric.value(scoring.score(bench.spec.metric, truth, found, bench.measures))
        except ValueError:  # rows in which a class is missing
            return float("nan")

    return score
