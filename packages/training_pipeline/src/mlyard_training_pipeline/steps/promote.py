"""Step 7: make the new version the champion where the gate let it pass, and end the training."""

from typing import NamedTuple

from mlyard_shared.errors import TrainingError
from mlyard_shared.gate import Condition, GateReport, Outcome
from mlyard_shared.registry import ModelVersion, Move, history
from mlyard_shared.registry import promote as move

from mlyard_training_pipeline.notifications.events import gate_held, moved
from mlyard_training_pipeline.notifications.telling import tell
from mlyard_training_pipeline.steps.gate import leave, report_of
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun


class Answer(NamedTuple):
    """What a person said when they were asked whether a version may serve; nobody did in time where `by` is None."""

    approved: bool
    by: str | None


def is_open(report: GateReport) -> bool:
    """Whether there is something to ask a person: what the gate let pass, or had too few rows to know."""
    return report.outcome != "not passed"


def promote(
    context: Context, run: TrainingRun, version: ModelVersion, *, actor: str, answer: Answer | None = None
) -> Move | None:
    """Promote a version that passed the gate; None where it did not. The training's run ends either way.

    Where the spec asks for an approval, the answer of a person decides, who may also say yes to what the gate had too
    few rows to judge; the report on the training's run says what they said.

    Raises:
        TrainingError: another version has become the champion since the gate compared with it.
    """
    report = report_of(context, run)
    if context.tracking.spec_of(run.run_id).gate.approval and is_open(report):
        report = _answered(report, answer)
        leave(context, run, report)
    made = _move(context, version, report, actor=actor) if report.passed else None
    context.tracking.end(run.run_id, "FINISHED")
    held = [] if made else [gate_held(version.name, version.version, run.run_id, report)]
    # Moves that others made, or that a process did not live to tell, are found in the ledger.
    tell(context.settings, lambda: [*held, *moved(history(context.registry, version.name))])
    return made


def _answered(report: GateReport, answer: Answer | None) -> GateReport:
    outcome: Outcome = "unknown"
    reason = "nobody has been asked to approve it"
    if answer is not None and answer.approved:
        outcome, reason = "passed", f"approved by {answer.by}"
    elif answer is not None:
        outcome = "not passed"
        reason = f"{answer.by} keeps the champion" if answer.by else "nobody approved it in time"
    if reason in report.reasons:  # this step was cut off after that
        return report
    found = report.also([Condition(name="approval", outcome=outcome, reason=reason)])
    # A person's yes also decides what the gate could not.
    return found.model_copy(update={"outcome": outcome})


def _move(context: Context, version: ModelVersion, report: GateReport, *, actor: str) -> Move:
    serving = context.registry.find(version.name, "champion")
    if serving is not None and serving.version not in (report.champion_version, version.version):
        compared = f"champion {report.champion_version}" if report.champion_version else "no champion"
        raise TrainingError(
            f"version {serving.version} of {version.name} has become the champion since the gate compared version "
            f"{version.version} with {compared}: train again"
        )
    return move(
        context.registry,
        version.name,
        version.version,
        actor=actor,
        reason=f"the gate: {report.verdict}",
        gate_report=version.gate_report,
    )
