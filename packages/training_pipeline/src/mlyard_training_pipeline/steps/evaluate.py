"""Step 4: the winner of the cross-validation and the champion, on rows that neither has seen."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.metrics import METRICS
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.scoring import Predictions
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.data.dataset import Table
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun
from mlyard_training_pipeline.versions import champion
from mlyard_training_pipeline.versions.champion import Judged


def evaluate(context: Context, run: TrainingRun, candidates: Sequence[CandidateRun]) -> Evaluation:
    """Choose the winner by its cross-validation, and score it and the champion on the same rows of the holdout."""
    spec = context.tracking.spec_of(run.run_id)
    order = tuple(known.name for known in spec.candidates)
    winner = best(candidates, order=order, negated=METRICS[spec.metric].negated)
    arrow = snapshots.load(context, run.snapshot)
    read = table.read(arrow, spec)
    found = _predictions(context, winner, read, spec)
    metrics = scoring.scores(spec.task, read.target[read.held_out], found, classes=len(read.classes))
    serving = context.registry.find(spec.name, "champion")
    comparison = _Comparison(metrics[spec.metric], None, int(read.held_out.sum()), None)
    if serving is not None:
        judged = champion.judge(context, serving, spec=spec, arrow=arrow, read=read)
        comparison = _compare(judged, found, spec=spec, read=read, alone=comparison)
    logged = {f"holdout_{name}": value for name, value in metrics.items()}
    facts = {"winner": winner.candidate, "holdout_rows": int(read.held_out.sum())}
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


def _predictions(context: Context, winner: CandidateRun, read: Table, spec: ModelSpec) -> Predictions:
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        file = context.tracking.fetch(winner.run_id, names.PIPELINE_FILE, Path(folder))
        return scoring.predict(load_pipeline(file), read.matrix[read.held_out], task=spec.task)


def _compare(judged: Judged, found: Predictions, *, spec: ModelSpec, read: Table, alone: _Comparison) -> _Comparison:
    """Both scores on the rows that the champion was asked about; where there are none, the winner's alone."""
    if judged.predictions is None:
        return alone._replace(problem=judged.problem)
    truth = read.target[judged.rows]
    scores = []
    for predictions in (found.of(judged.rows[read.held_out]), judged.predictions):
        try:
            scores.append(scoring.score(spec.metric, truth, predictions, classes=len(read.classes)))
        except ValueError as error:
            return alone._replace(problem=str(error))
    return _Comparison(scores[0], scores[1], len(truth), None)
