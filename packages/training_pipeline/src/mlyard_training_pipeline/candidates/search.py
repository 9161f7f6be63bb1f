"""A candidate's search: each setting of its grid over the folds, and the best one fitted on every training row."""

import logging
import warnings
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.decision import Decision
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import deciding, estimators, folds, parameters, preprocessing, scoring
from mlyard_training_pipeline.candidates.out_of_fold import FoldScores, OutOfFold
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.data.dataset import Dataset

_STEP = "model__"
logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """The best setting of a candidate: its mean scores over the folds, each in its own sign.

    `parameters` are those of the grid as the spec spells them, `deviation` is that of the metric that decides, `rule`
    makes labels of probabilities, and `folds` are the rows that each fold was not fitted on.
    """

    pipeline: Any
    parameters: dict[str, Any]
    scores: dict[MetricName, float]
    deviation: float
    rule: Decision
    folds: OutOfFold


def search(spec: ModelSpec, candidate: Candidate, dataset: Dataset) -> Found:
    """Find the best setting of a candidate.

    Raises:
        TrainingError: the estimator does not take this table, or cannot be scored on it.
    """
    from sklearn.model_selection import GridSearchCV

    training = ~dataset.held_out
    encoding = preprocessing.encoding_of(candidate, dataset.schema, features=spec.features, classes=dataset.classes)
    made = preprocessing.pipeline(
        candidate, dataset.schema, classes=dataset.classes, rows=int(training.sum()), features=spec.features
    )
    grid = {
        _STEP + name: [parameters.resolve(name, value, encoding=encoding, classes=dataset.classes) for value in values]
        for name, values in candidate.grid.items()
    }
    measures, splits = Measures.of(spec, dataset.classes), folds.splits(spec, dataset)
    weights = None if dataset.weights is None else np.asarray(dataset.weights[training])
    names = _metrics(spec, made, candidate, dataset)
    scores = FoldScores(spec, names, splits, measures=measures, weights=weights, rule=deciding.given(spec, measures))
    # One process fits the folds of a setting one after another, which is what `scores` relies on.
    search = GridSearchCV(made, grid, scoring=scores, refit=spec.metric, cv=splits, error_score="raise")
    matrix = dataset.matrix(training, precision=estimators.precision(candidate))
    _fit(search, matrix, dataset.target[training], candidate, weights=weights)
    found = _found(search, spec, candidate, grid, scores)
    return _tuned(found, spec, scores, measures)


def _fit(search: Any, matrix: Array, target: Array, candidate: Candidate, *, weights: Array | None) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            search.fit(matrix, target, **({} if weights is None else {f"{_STEP}sample_weight": weights}))
        # Estimators refuse a table with whatever they like, and that is for their user to know: no fault of ours.
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise TrainingError(
                f"candidate {candidate.name} ({candidate.estimator}) cannot be trained: {first}"
            ) from error
    for text in dict.fromkeys(str(warning.message).strip().splitlines()[0] for warning in caught):
        logger.warning("candidate %s: %s", candidate.name, text)


def _found(search: Any, spec: ModelSpec, candidate: Candidate, grid: dict[str, list[Any]], kept: FoldScores) -> Found:
    results, best = search.cv_results_, search.best_index_
    scores: dict[MetricName, float] = {}
    for name, metric in METRICS.items():
        if f"mean_test_{name}" not in results:
            continue
        of_folds = np.array([results[f"split{fold}_test_{name}"][best] for fold in range(search.n_splits_)])
        if not np.isfinite(of_folds).all():
            fold = int(np.argmin(np.isfinite(of_folds))) + 1
            raise TrainingError(
                f"candidate {candidate.name} ({candidate.estimator}) cannot be scored: its {name} over fold {fold} is "
                "not a number; take the candidate out, or change its parameters"
            )
        scores[name] = metric.value(float(of_folds.mean()))
    chosen = {
        name.removeprefix(_STEP): candidate.grid[name.removeprefix(_STEP)][grid[name].index(value)]
        for name, value in search.best_params_.items()
    }
    deviation = float(results[f"std_test_{spec.metric}"][best])
    return Found(search.best_estimator_, chosen, scores, deviation, kept.rule, kept.best)


def _tuned(found: Found, spec: ModelSpec, scores: FoldScores, measures: Measures) -> Found:
    """The same with the threshold that the spec asks for, by which its labels are scored again."""
    rule = deciding.tuned(spec, found.folds, measures)
    if rule is None:
        return found
    decided, values = scores.decided(rule)
    means = {name: float(np.mean(each)) for name, each in values.items()}
    return found._replace(
        scores=found.scores | means, deviation=float(np.std(values[spec.metric])), rule=rule, folds=decided
    )


def _metrics(spec: ModelSpec, made: Any, candidate: Candidate, dataset: Dataset) -> tuple[MetricName, ...]:
    """The metric that decides, and those beside it that any fold allows."""
    drawn_at_random = dataset.order is None and dataset.groups is None
    if spec.task == "classification" and not drawn_at_random:
        return (spec.metric,)
    probabilities = hasattr(made, "predict_proba") and not candidate.grid
    others = scoring.metrics_for(spec.task, Measures.of(spec, dataset.classes), probabilities=probabilities)
    usable = (name for name in others if name != "mape" or dataset.target.all())
    return tuple(dict.fromkeys((spec.metric, *usable)))
