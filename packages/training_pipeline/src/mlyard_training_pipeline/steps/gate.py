"""Step 5: whether the winner may serve."""

from mlyard_shared.gate import GATE_REPORT_FILE, GateReport
from mlyard_shared.metrics import METRICS, Metric
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun


def gate(context: Context, run: TrainingRun, evaluation: Evaluation) -> GateReport:
    """Judge the winner, and leave the report on the training's run."""
    spec = context.tracking.spec_of(run.run_id)
    report = judge(spec, evaluation)
    context.tracking.store_json(run.run_id, GATE_REPORT_FILE, report.model_dump(mode="json"))
    context.tracking.tag(run.run_id, {"mlyard.gate": report.verdict})
    return report


def judge(spec: ModelSpec, evaluation: Evaluation) -> GateReport:
    """The verdict: at least the minimum, and better than the champion by more than the margin, or the first."""
    metric = METRICS[spec.metric]
    conditions = [_against_champion(spec, metric, evaluation)]
    if spec.gate.minimum is not None:
        reached = metric.gain(candidate=evaluation.score, champion=spec.gate.minimum) >= 0
        relation = "reaches" if reached else "misses"
        text = f"{spec.metric} {evaluation.score:.4g} {relation} the required {spec.gate.minimum:g}"
        conditions.append((reached, text))
    return GateReport(
        passed=all(met for met, _ in conditions),
        metric=spec.metric,
        candidate=evaluation.winner.candidate,
        candidate_score=evaluation.score,
        champion_version=evaluation.champion_version,
        champion_score=evaluation.champion_score,
        not_comparable=evaluation.not_comparable,
        minimum=spec.gate.minimum,
        margin=spec.gate.margin,
        holdout_rows=evaluation.holdout_rows,
        reasons=tuple(text for _, text in conditions),
    )


def _against_champion(spec: ModelSpec, metric: Metric, evaluation: Evaluation) -> tuple[bool, str]:
    version, score = evaluation.champion_version, evaluation.champion_score
    if version is None:
        return (
            True,
            f"there is no champion yet, and {evaluation.winner.candidate} has {spec.metric} {evaluation.score:.4g}",
        )
    if score is None:
        return _without_comparison(spec, f"champion {version} cannot be compared with it: {evaluation.not_comparable}")
    gain = metric.gain(candidate=evaluation.score, champion=score)
    better = gain > spec.gate.margin
    margin = f" by more than {spec.gate.margin:g}" if spec.gate.margin else ""
    relation = f"beats champion {version}{margin}" if better else f"does not beat champion {version}{margin}"
    return better, f"{spec.metric} {evaluation.score:.4g} {relation}, which has {score:.4g}"


def _without_comparison(spec: ModelSpec, reason: str) -> tuple[bool, str]:
    """Hold a champion that cannot be judged, or replace it where the spec says so: the minimum decides then."""
    if spec.gate.unjudged == "replace":
        return True, f'{reason}; gate.unjudged = "replace" lets the minimum decide alone'
    return False, (
        f'{reason}; to replace it all the same, set gate.unjudged = "replace" and gate.minimum in the spec, or promote '
        "the new version by hand"
    )
