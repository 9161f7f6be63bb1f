"""Step 7: make the new version the champion where the gate let it pass, and end the training."""

from mlyard_shared.errors import TrainingError
from mlyard_shared.gate import GateReport
from mlyard_shared.registry import ModelVersion, Move
from mlyard_shared.registry import promote as move

from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun


def promote(
    context: Context, run: TrainingRun, version: ModelVersion, report: GateReport, *, actor: str
) -> Move | None:
    """Promote a version that passed the gate; None where it did not. The training's run ends either way.

    Raises:
        TrainingError: another version has become the champion since the gate compared with it.
    """
    made = None
    if report.passed:
        serving = context.registry.find(version.name, "champion")
        if serving is not None and serving.version not in (report.champion_version, version.version):
            compared = f"champion {report.champion_version}" if report.champion_version else "no champion"
            raise TrainingError(
                f"version {serving.version} of {version.name} has become the champion since the gate compared version "
                f"{version.version} with {compared}: train again"
            )
        made = move(
            context.registry,
            version.name,
            version.version,
            actor=actor,
            reason=f"the gate: {report.verdict}",
            gate_report=version.gate_report,
        )
    context.tracking.end(run.run_id, "FINISHED")
    return made
