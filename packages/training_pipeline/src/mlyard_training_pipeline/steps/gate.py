"""Step 5: whether the winner may serve."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.gate import GATE_REPORT_FILE, Condition, Gain, GateReport, Outcome, together
from mlyard_shared.metrics import METRICS, Metric
from mlyard_shared.registry import history
from mlyard_shared.registry.experiments import NOTE
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.judging import luck
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun

_LONGEST_TAG = 4_000
"""Characters; MLflow refuses longer ones than 8 000."""


class _Met(NamedTuple):
    """What was asked of the winner, and how it went."""

    outcome: Outcome
    reason: str


@resources.sharing
def gate(context: Context, run: TrainingRun, evaluation: Evaluation) -> GateReport:
    """Judge the winner, and leave the report on the training's run."""
    spec = context.tracking.spec_of(run.run_id)
    report = judge(spec, evaluation)
    if spec.gate.cooldown_hours is not None:
        report = report.also(_cooldown(context, spec, spec.gate.cooldown_hours))
    if evaluation.winner.imported is not None:
        report = report.also([evaluation.winner.imported.origin])
    leave(context, run, report)
    return report


def leave(context: Context, run: TrainingRun, report: GateReport) -> None:
    """Leave a report on the training's run, in place of an earlier one."""
    context.tracking.store_json(run.run_id, GATE_REPORT_FILE, report.model_dump(mode="json"))
    context.tracking.tag(
        run.run_id,
        {
            "mlyard.gate": report.verdict[:_LONGEST_TAG],
            "mlyard.gate_outcome": report.outcome,
            NOTE: _description(report)[:_LONGEST_TAG],
        },
    )


def _description(report: GateReport) -> str:
    """What the page of the training's run says, in Markdown."""
    score = f"{report.metric} {report.candidate_score:.4g} on {report.holdout_rows} rows held out"
    lines = [f"**{report.candidate}** won: {score}.", f"The gate: **{report.outcome}**."]
    return "\n\n".join([*lines, "\n".join(f"- {text}" for text in (*report.reasons, *report.notes))])


def report_of(context: Context, run: TrainingRun) -> GateReport:
    """The report that was left on the training's run."""
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        file = context.tracking.fetch(run.run_id, GATE_REPORT_FILE, Path(folder))
        return GateReport.model_validate_json(file.read_bytes())


def judge(spec: ModelSpec, evaluation: Evaluation) -> GateReport:
    """The verdict: at least the minimum, and beside the champion what the rule asks for, or the first."""
    metric = METRICS[spec.metric]
    conditions = [_against_champion(spec, evaluation)]
    if spec.gate.minimum is not None:
        conditions.append(_minimum(spec, metric, evaluation, spec.gate.minimum))
    return GateReport(
        outcome=together([condition.outcome for condition in conditions]),
        metric=spec.metric,
        candidate=evaluation.winner.candidate,
        candidate_score=evaluation.score,
        champion_version=evaluation.champion_version,
        champion_score=evaluation.champion_score,
        gain=evaluation.gain,
        rule=spec.gate.rule,
        not_comparable=evaluation.not_comparable,
        minimum=spec.gate.minimum,
        margin=spec.gate.margin,
        holdout_rows=evaluation.holdout_rows,
        holdout_uses=evaluation.uses,
        reasons=tuple(condition.reason for condition in conditions),
        notes=notes(spec, evaluation),
    ).also(evaluation.conditions)


def notes(spec: ModelSpec, evaluation: Evaluation) -> tuple[str, ...]:
    """What a reader has to know about the scores and their comparison."""
    winner, error = evaluation.winner, evaluation.standard_error
    folds = (winner.score, luck.folds_error(winner.deviation, spec.folds))
    holdout = (evaluation.metrics.get(spec.metric, evaluation.score), error)
    gap = None if winner.imported is not None else luck.gap(spec.metric, folds=folds, holdout=holdout)
    found = (luck.optimism(evaluation.uses, error), gap, evaluation.drawn)
    return tuple(note for note in found if note is not None)


def _cooldown(context: Context, spec: ModelSpec, hours: float) -> tuple[Condition, ...]:
    """Whether the champion has served for long enough; nothing where there is none."""
    moves = [move for move in history(context.registry, spec.name) if move.state == "finished"]
    if not moves or moves[-1].to_version is None:
        return ()
    last = moves[-1]
    over = datetime.now(UTC) - last.started_at >= timedelta(hours=hours)
    since = f"champion {last.to_version} serves since {last.started_at:%Y-%m-%d %H:%M} UTC"
    reason = f"{since}, {'longer' if over else 'shorter'} than gate.cooldown_hours = {hours:g}"
    return (Condition(name="cooldown", outcome="passed" if over else "not passed", reason=reason),)


def _against_champion(spec: ModelSpec, evaluation: Evaluation) -> _Met:
    version, score, gain = evaluation.champion_version, evaluation.champion_score, evaluation.gain
    if version is None:
        first = f"there is no champion yet, and {evaluation.winner.candidate} has {spec.metric} {evaluation.score:.4g}"
        return _Met("passed", first)
    if score is None or gain is None:
        return _without_comparison(spec, evaluation)
    told = f"{spec.metric} {evaluation.score:.4g} {{}} champion {version}{{}}, which has {score:.4g}: {_interval(gain)}"
    if evaluation.shortage is not None:
        return _Met("unknown", f"{evaluation.shortage}; {told.format('stands beside', '')}")
    by_more = f" by more than {spec.gate.margin:g}" if spec.gate.margin else ""
    if spec.gate.rule == "refresh":
        met = gain.low > -spec.gate.margin
        relation = "is not worse than" if met else "may be worse than"
    else:
        met = gain.low > spec.gate.margin
        relation = "beats" if met else "does not surely beat"
    return _Met("passed" if met else "not passed", told.format(relation, by_more))


def _interval(gain: Gain) -> str:
    return (
        f"a gain of {gain.value:+.3g}, between {gain.low:+.3g} and {gain.high:+.3g} ({gain.level:.4g} interval over "
        f"{gain.rows} rows)"
    )


def _without_comparison(spec: ModelSpec, evaluation: Evaluation) -> _Met:
    """Hold a champion that cannot be judged, or replace it where the spec says so: the minimum decides then."""
    reason = f"champion {evaluation.champion_version} cannot be compared with it: {evaluation.not_comparable}"
    if spec.gate.unjudged == "replace":
        return _Met("passed", f'{reason}; gate.unjudged = "replace" lets the minimum decide alone')
    return _Met(
        "not passed" if evaluation.shortage is None else "unknown",
        f'{reason}; to replace it all the same, set gate.unjudged = "replace" and gate.minimum in the spec, or promote '
        "the new version by hand",
    )


def _minimum(spec: ModelSpec, metric: Metric, evaluation: Evaluation, minimum: float) -> _Met:
    reached = metric.gain(candidate=evaluation.score, champion=minimum) >= 0
    relation = "reaches" if reached else "misses"
    text = f"{spec.metric} {evaluation.score:.4g} {relation} the required {minimum:g}"
    if evaluation.shortage is not None and evaluation.not_comparable != evaluation.shortage:
        return _Met("unknown", f"{text}, but {evaluation.shortage}")
    return _Met("passed" if reached else "not passed", text)
