"""Step 7: make the new version the champion where the gate let it pass, and end the training."""

from typing import NamedTuple

from mlyard_shared.errors import TrainingError
from mlyard_shared.gate import GateReport
from mlyard_shared.registry import ModelVersion, Move
from mlyard_shared.registry import promote as move

from mlyard_training_pipeline.steps.gate import report_of
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun


class Answer(NamedTuple):
    """What a person said when they were asked whether a version may serve."""

    approved: bool
    by: str


def is_open(report: GateReport) -> bool:
    """Whether there is something to ask a person: what the gate let pass, or had too few rows to know."""
    return report.outcome != "not passed"


def promote(
    context: Context, run: TrainingRun, version: ModelVersion, *, actor: str, answer: Answer | None = None
) -> Move | None:
    """Promote a version that passed the gate; None where it did not. The training's run ends either way.

    Where the spec asks for an approval, a version is promoted only by the answer of a person, who may also say yes to
    one that the gate had too few rows to judge.

    Raises:
        TrainingError: another version has become the champion since the gate compared with it.
    """
    report = report_of(context, run)
    asks = context.tracking.spec_of(run.run_id).gate.approval
    agreed = answer is not None and answer.approved and is_open(report)
    wanted = agreed if asks else report.passed
    made = _move(context, version, report, actor=actor, answer=answer if asks else None) if wanted else None
    context.tracking.end(run.run_id, "FINISHED")
    return made


def _move(context: Context, version: ModelVersion, report: GateReport, *, actor: str, answer: Answer | None) -> Move:
    serving = context.registry.find(version.name, "champion")
    if serving is not None and serving.version not in (report.champion_version, version.version):
        compared = f"champion {report.champion_version}" if report.champion_version else "no champion"
        raise TrainingError(
            f"version {serving.version} of {version.name} has become the champion since the gate compared version "
            f"{version.version} with {compared}: train again"
        )
    approved = "" if answer is None else f"; approved by {answer.by}"
    return move(
        context.registry,
        version.name,
        version.version,
        actor=actor,
        reason=f"the gate: {report.verdict}{approved}",
        gate_report=version.gate_report,
    )
