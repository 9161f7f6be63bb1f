"""Step 4: the winner of the cross-validation and the champion, on rows that neither has seen."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import TrainingError
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import estimators, scoring
from mlyard_training_pipeline.candidates.predictions import Predictions, predict
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun
from mlyard_training_pipeline.versions import champion
from mlyard_training_pipeline.versions.champion import Answers


def evaluate(context: Context, run: TrainingRun, candidates: Sequence[CandidateRun]) -> Evaluation:
    """Choose the winner by its cross-validation, and score it and the champion on the same rows of the holdout.

    Raises:
        TrainingError: the winner cannot be scored on the holdout.
    """
    spec = context.tracking.spec_of(run.run_id)
    order = tuple(known.name for known in spec.candidates)
    winner = best(candidates, order=order, negated=METRICS[spec.metric].negated)
    data = dataset.load(context, run, spec)
    found = _predictions(context, winner, data, spec)
    metrics = _scores(spec, winner, data, found)
    serving = context.registry.find(spec.name, "champion")
    comparison = _Comparison(metrics[spec.metric], None, int(data.held_out.sum()), None)
    if serving is not None:
        answers = champion.ask(context, serving, spec=spec, dataset=data)
        comparison = _compare(answers, found, spec=spec, data=data, alone=comparison)
    logged = {f"holdout_{name}": value for name, value in metrics.items()}
    facts = {"winner": winner.candidate, "holdout_rows": int(data.held_out.sum())}
    context.tracking.log(run.run_id, metrics=logged, parameters=facts)
    return Evaluation(
        winner=winner,
        score=comparison.score,
        champion_version=serving.version if serving else None,
        champion_score=comparison.champion_score,
        not_comparable=comparison.problem,
        holdout_rows=comparison.rows,
        metrics={str(name): value for name, value in metrics.items()},
    )


def best(candidates: Sequence[CandidateRun], *, order: tuple[str, ...], negated: bool) -> CandidateRun:
    """The candidate with the best score over the folds; of equals the one that the spec names first."""
    ranked = sorted(candidates, key=lambda run: order.index(run.candidate))
    return min(ranked, key=lambda run: run.score if negated else -run.score)


class _Comparison(NamedTuple):
    score: float
    champion_score: float | None
    rows: int
    problem: str | None


def _predictions(context: Context, winner: CandidateRun, data: Dataset, spec: ModelSpec) -> Predictions:
    candidate = next(known for known in spec.candidates if known.name == winner.candidate)
    matrix = data.matrix(data.held_out, precision=estimators.precision(candidate))
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        file = context.tracking.fetch(winner.run_id, names.PIPELINE_FILE, Path(folder))
        return predict(load_pipeline(file), matrix, task=spec.task)


def _scores(spec: ModelSpec, winner: CandidateRun, data: Dataset, found: Predictions) -> dict[MetricName, float]:
    try:
        return scoring.scores(spec.task, data.target[data.held_out], found, classes=len(data.classes))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise TrainingError(f"candidate {winner.candidate} cannot be scored on the holdout: {first}") from error


def _compare(
    answers: Answers, found: Predictions, *, spec: ModelSpec, data: Dataset, alone: _Comparison
) -> _Comparison:
    """Both scores on the rows that the champion was asked about; where there are none, the winner's alone."""
    if answers.predictions is None:
        return alone._replace(problem=answers.problem)
    truth = data.target[answers.rows]
    scores = []
    for predictions in (found.of(answers.rows[data.held_out]), answers.predictions):
        try:
            scores.append(scoring.score(spec.metric, truth, predictions, classes=len(data.classes)))
        except ValueError as error:
            return alone._replace(problem=str(error).splitlines()[0])
    return _Comparison(scores[0], scores[1], len(truth), None)
