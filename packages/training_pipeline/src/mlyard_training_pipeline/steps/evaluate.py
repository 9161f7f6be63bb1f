"""Step 4: the winner of the cross-validation and the champion, on rows that neither has seen."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.gate import Gain
from mlyard_shared.metrics import METRICS, MetricName
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import estimators, resources, scoring
from mlyard_training_pipeline.candidates.predictions import DECISION, Predictions
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.evidence.answers import Answers as Said
from mlyard_training_pipeline.evidence.answers import write
from mlyard_training_pipeline.judging import blocks, bootstrap, enough
from mlyard_training_pipeline.judging.conditions import Subject, conditions
from mlyard_training_pipeline.judging.rows import Judged
from mlyard_training_pipeline.tracking import holdouts, names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun
from mlyard_training_pipeline.versions import champion, fitted
from mlyard_training_pipeline.versions.champion import Answers

_FEW_RESAMPLES = 400


@resources.sharing
def evaluate(context: Context, run: TrainingRun, candidates: Sequence[CandidateRun]) -> Evaluation:
    """Choose the winner by its cross-validation, and score it and the champion on the same rows of the holdout.

    Raises:
        TrainingError: the winner cannot be scored on the holdout.
    """
    spec = context.tracking.spec_of(run.run_id)
    order = tuple(known.name for known in spec.candidates)
    winner = best(candidates, order=order, negated=METRICS[spec.metric].negated)
    data = dataset.load(context, run, spec)
    uses = holdouts.count_use(context, run, data.rule, target=spec.target, until=_until(data))
    found = _predictions(context, winner, data, spec)
    bench = _Bench(spec, data, Measures.of(spec, data.classes))
    metrics = _scores(bench, winner, found)
    serving = context.registry.find(spec.name, "champion")
    judged = bench.judged(data.held_out)
    comparison, said = _alone(bench, metrics[spec.metric]), {names.WINNER: Said(judged.truth, found, judged.weights)}
    if serving is not None:
        answers = champion.ask(context, serving, spec=spec, dataset=data)
        comparison = _compare(bench, answers, found, alone=comparison)
        said |= _beside(bench, answers, found)
    _keep(context, run, said)
    logged = {f"holdout_{name}": value for name, value in metrics.items()}
    facts = {"winner": winner.candidate, "holdout_rows": int(data.held_out.sum()), "holdout_uses": uses}
    if winner.imported is None:
        logged = {f"cv_{spec.metric}": winner.score} | logged
    context.tracking.log(run.run_id, metrics=logged, parameters=facts)
    begun = context.tracking.get(run.run_id).info.start_time
    context.tracking.rename(run.run_id, names.training(spec.name, begun, winner.candidate))
    return Evaluation(
        winner=winner,
        score=comparison.score,
        champion_version=serving.version if serving else None,
        champion_score=comparison.champion_score,
        gain=comparison.gain,
        drawn=comparison.drawn,
        not_comparable=comparison.problem,
        shortage=comparison.shortage,
        holdout_rows=comparison.rows,
        metrics={str(name): value for name, value in metrics.items()},
        standard_error=bootstrap.standard_error(spec.metric, judged, found, bench.measures),
        conditions=conditions(
            Subject(spec, judged, found, bench.measures, lambda name: data.texts_of(name, data.held_out))
        ),
        uses=uses,
        candidates=tuple(candidates),
        errors=_errors(bench, judged, found, metrics),
    )


def _beside(bench: "_Bench", answers: Answers, found: Predictions) -> dict[str, Said]:
    """What both said of the same rows."""
    if answers.predictions is None:
        return {}
    judged = bench.judged(answers.rows)
    pair = {names.BESIDE: found.of(answers.rows[bench.data.held_out]), names.CHAMPION: answers.predictions}
    return {name: Said(judged.truth, one, judged.weights) for name, one in pair.items()}


def _keep(context: Context, run: TrainingRun, said: dict[str, Said]) -> None:
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        file = Path(folder, names.HOLDOUT_FILE)
        write(file, said)
        context.tracking.store(run.run_id, file)


def best(candidates: Sequence[CandidateRun], *, order: tuple[str, ...], negated: bool) -> CandidateRun:
    """The candidate with the best score over the folds; of equals the one that the spec names first."""
    ranked = sorted(candidates, key=lambda run: order.index(run.candidate))
    return min(ranked, key=lambda run: run.score if negated else -run.score)


class _Bench(NamedTuple):
    """What both models are judged by."""

    spec: ModelSpec
    data: Dataset
    measures: Measures

    def judged(self, rows: Array) -> Judged:
        data = self.data
        weights, groups, times = (None if one is None else one[rows] for one in (data.weights, data.groups, data.order))
        return Judged(data.target[rows], len(data.classes), weights, groups, times)

    def score(self, judged: Judged, predictions: Predictions) -> float:
        return scoring.score(self.spec.metric, judged.truth, predictions, self.measures, judged.weights)


class _Comparison(NamedTuple):
    score: float
    champion_score: float | None
    rows: int
    problem: str | None = None
    shortage: str | None = None
    gain: Gain | None = None
    drawn: str | None = None


def _predictions(context: Context, winner: CandidateRun, data: Dataset, spec: ModelSpec) -> Predictions:
    candidate = next(known for known in spec.candidates if known.name == winner.candidate)
    matrix = data.matrix(data.held_out, precision=estimators.precision(candidate))
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        stored = context.tracking.fetch_all(winner.run_id, winner.files, Path(folder))
        return fitted.predict(stored, matrix, task=spec.task, rule=winner.decision or DECISION)


def _scores(bench: _Bench, winner: CandidateRun, found: Predictions) -> dict[MetricName, float]:
    judged = bench.judged(bench.data.held_out)
    try:
        return scoring.scores(bench.spec.task, judged.truth, found, bench.measures, judged.weights)
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise TrainingError(f"candidate {winner.candidate} cannot be scored on the holdout: {first}") from error


def _errors(bench: _Bench, judged: Judged, found: Predictions, metrics: dict[MetricName, float]) -> dict[str, float]:
    """The standard error of each metric: of those that decide nothing, fewer resamples say enough."""
    return {
        str(name): bootstrap.standard_error(name, judged, found, bench.measures, resamples=_FEW_RESAMPLES)
        for name in metrics
    }


def _alone(bench: _Bench, score: float) -> _Comparison:
    judged = bench.judged(bench.data.held_out)
    shortage = enough.shortage(bench.spec.metric, judged, bench.data.classes)
    return _Comparison(score, None, len(judged.truth), shortage=shortage)


def _compare(bench: _Bench, answers: Answers, found: Predictions, *, alone: _Comparison) -> _Comparison:
    """Both scores on the rows that the champion was asked about; where there are none, the winner's alone."""
    spec, data = bench.spec, bench.data
    if answers.predictions is None:
        return alone._replace(problem=answers.problem, shortage=answers.problem if answers.few else alone.shortage)
    judged = bench.judged(answers.rows)
    shortage = enough.shortage(spec.metric, judged, data.classes)
    pair = (found.of(answers.rows[data.held_out]), answers.predictions)
    try:
        score, champion_score = (bench.score(judged, one) for one in pair)
    except ValueError as error:
        return alone._replace(problem=str(error).splitlines()[0], shortage=shortage or alone.shortage)
    gain = bootstrap.gain(spec.metric, judged, *pair, bench.measures, level=spec.gate.level)
    drawn = blocks.told(bootstrap.drawn_together(spec.metric, judged, *pair, bench.measures), judged)
    return _Comparison(score, champion_score, len(judged.truth), shortage=shortage, gain=gain, drawn=drawn)


def _until(data: Dataset) -> datetime | None:
    """The latest time that is held out, where times decide."""
    if data.order is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(data.order.max()))
