"""One candidate ready to be fitted: its pipeline, the training rows and the folds; scores one setting at a time."""

import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from mlyard_shared.contract import Contract
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import (
    deciding,
    estimators,
    folds,
    jobs,
    parameters,
    preprocessing,
    resources,
    scoring,
    targets,
)
from mlyard_training_pipeline.candidates.out_of_fold import FoldScores
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.candidates.search.settings import Setting
from mlyard_training_pipeline.data.dataset import Dataset

_STEP = "model__"
logger = logging.getLogger(__name__)


class Result(Contract):
    """A setting that was tried: its scores of each fold in the metrics' own signs, and how long it took.

    `number` is its place among the candidate's settings; `share` is that of the rows which it was fitted on.
    """

    number: int
    parameters: dict[str, Any]
    scores: dict[MetricName, tuple[float, ...]]
    seconds: float
    share: float = 1.0

    def mean(self, metric: MetricName) -> float:
        """A metric's mean over the folds."""
        return float(np.mean(self.scores[metric]))


def best(results: list[Result], metric: MetricName) -> Result:
    """The best of those that were fitted on the most rows; of equals the first."""
    most = max(result.share for result in results)
    ranked = sorted((result for result in results if result.share == most), key=lambda result: result.number)
    return min(ranked, key=lambda result: -METRICS[metric].value(result.mean(metric)))


class Bench:
    """A candidate over a Dataset."""

    def __init__(self, spec: ModelSpec, candidate: Candidate, dataset: Dataset) -> None:
        """Split the training rows; nothing is fitted."""
        training = dataset.training
        self.spec, self.candidate, self.dataset = spec, candidate, dataset
        self.measures = Measures.of(spec, dataset.classes)
        self._encoding = preprocessing.encoding_of(
            candidate, dataset.schema, features=spec.features, classes=dataset.classes
        )
        self._made = preprocessing.pipeline(
            candidate, dataset.schema, classes=dataset.classes, rows=int(training.sum()), features=spec.features
        )
        self._prefix = _STEP + (targets.STEP if targets.is_wrapped(self._made[-1]) else "")
        self.splits = folds.splits(spec, dataset)
        self._matrix: Array | None = None
        self._target = dataset.target[training]
        self._weights = None if dataset.weights is None else np.asarray(dataset.weights[training])
        self._names = self._metrics()
        self._told = False

    def scores(self) -> FoldScores:
        """What scores folds, and keeps those of the best setting."""
        return FoldScores(
            self.spec,
            self._names,
            self.splits,
            measures=self.measures,
            weights=self._weights,
            rule=deciding.given(self.spec, self.measures),
        )

    def evaluate(self, number: int, setting: Setting, scores: FoldScores, *, share: float = 1.0) -> Result:
        """Fit a setting on each fold, or on a share of its rows, and score it on the fold's other side.

        Raises:
            TrainingError: the estimator does not take this table, or cannot be scored on it.
        """
        began, found = time.monotonic(), []
        for fold, (fit, test) in enumerate(self.splits, start=1):
            rows = fit if share == 1.0 else self._some(fit, share)
            weights = None if self._weights is None else self._weights[rows]
            fitted = self._fit(self.with_setting(setting), [self._rows()[rows]], self._target[rows], weights)
            with self._failures():
                values = scores(fitted, self._rows()[test], self._target[test])
            for name, value in values.items():
                if not np.isfinite(value):
                    raise TrainingError(
                        f"{self._called} cannot be scored: its {name} over fold {fold} is not a number; take the "
                        "candidate out, or change its parameters"
                    )
            found.append({name: METRICS[name].value(value) for name, value in values.items()})
        taken = {name: tuple(float(values[name]) for values in found) for name in self._names}
        return Result(number=number, parameters=setting, scores=taken, seconds=time.monotonic() - began, share=share)

    def fit(self, setting: Setting, rows: Array | None = None) -> Any:
        """Fit a setting on every training row, or on others by a boolean array over the Dataset."""
        if rows is None:
            given, self._matrix = [self._rows()], None
            return self._fit(self.with_setting(setting), given, self._target, self._weights)
        given = [self.dataset.matrix(rows, precision=estimators.precision(self.candidate))]
        weights = None if self.dataset.weights is None else np.asarray(self.dataset.weights[rows])
        return self._fit(self.with_setting(setting), given, self.dataset.target[rows], weights)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Log what estimators warn of, each sentence once."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for text in dict.fromkeys(str(warning.message).strip().splitlines()[0] for warning in caught):
            logger.warning("candidate %s: %s", self.candidate.name, text)

    def with_setting(self, setting: Mapping[str, Any]) -> Any:
        """The pipeline with a setting, not fitted."""
        from sklearn.base import clone

        with self._failures():
            resolved = {
                self._prefix + name: parameters.resolve(
                    name, value, encoding=self._encoding, classes=self.dataset.classes
                )
                for name, value in setting.items()
            }
            made = clone(self._made).set_params(**resolved)
            resources.share_again()
            self._tell(jobs.take_threads(made[-1]))
            resources.divide(jobs.processes(made[-1]))
            return made

    def _tell(self, lowered: list[str]) -> None:
        """Say once that the spec asks for more threads than this task may use."""
        if lowered and not self._told:
            text = ", ".join(lowered)
            logger.warning("candidate %s: %s, the share of the processors that a task has", self.candidate.name, text)
            self._told = True

    def _rows(self) -> Array:
        """The inputs of the training rows, which the last fit takes away."""
        if self._matrix is None:
            self._matrix = self.dataset.matrix(self.dataset.training, precision=estimators.precision(self.candidate))
        return self._matrix

    def _fit(self, pipeline: Any, given: list[Array], target: Array, weights: Array | None) -> Any:
        """Fit a pipeline as it would itself, on the only item of a list, which is let go once it is encoded."""
        with self._failures():
            encoded, first = given.pop(), pipeline[0]
            if first != "passthrough":
                encoded = first.fit_transform(encoded, target)
            pipeline[-1].fit(encoded, target, **({} if weights is None else {"sample_weight": weights}))
        return pipeline

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Estimators refuse a table with whatever they like, and that is for their user to know: no fault of ours."""
        try:
            yield
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise TrainingError(f"{self._called} cannot be trained: {first}") from error

    @property
    def _called(self) -> str:
        return f"candidate {self.candidate.name} ({self.candidate.estimator})"

    def _some(self, rows: Array, share: float) -> Array:
        """A share of some rows, each class among them, the same for every setting."""
        mixed = np.random.default_rng(estimators.SEED).permutation(rows)
        some = mixed[: max(2, round(len(rows) * share))]
        if not self.dataset.classes:
            return np.asarray(some)
        first = [mixed[np.argmax(self._target[mixed] == label)] for label in range(len(self.dataset.classes))]
        return np.union1d(some, first)

    def _metrics(self) -> tuple[MetricName, ...]:
        """The metric that decides, and those beside it that any fold allows."""
        spec, dataset = self.spec, self.dataset
        drawn_at_random = dataset.order is None and dataset.groups is None
        if spec.task == "classification" and not drawn_at_random:
            return (spec.metric,)
        probabilities = hasattr(self._made, "predict_proba") and not self.candidate.is_searched
        others = scoring.metrics_for(spec.task, self.measures, probabilities=probabilities)
        usable = (name for name in others if name != "mape" or dataset.target.all())
        return tuple(dict.fromkeys((spec.metric, *usable)))
