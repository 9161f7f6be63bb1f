"""Step 6: register the winner as the challenger."""

import tempfile
from pathlib import Path

from mlyard_shared.gate import GATE_REPORT_FILE, GateReport
from mlyard_shared.manifest import MANIFEST_FILE, parse_manifest
from mlyard_shared.registry import ModelVersion

from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.steps.gate import leave
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun
from mlyard_training_pipeline.versions import budgets, packaging
from mlyard_training_pipeline.versions.packaging import Training


@resources.sharing
def register(context: Context, run: TrainingRun, evaluation: Evaluation, report: GateReport) -> ModelVersion:
    """Build the version's folder and register it, whatever the gate said: it may still be promoted by hand.

    The same training registers one version, however often this runs. What the version takes is measured here, so that
    the report on the training's run is written again with how it stands to its budgets.
    """
    spec = context.tracking.spec_of(run.run_id)
    with tempfile.TemporaryDirectory(prefix="mlyard-") as name:
        folder = Path(name)
        stored = context.tracking.fetch_all(evaluation.winner.run_id, evaluation.winner.files, folder / "fitted")
        trained = context.tracking.get(evaluation.winner.run_id)
        built = folder / "version"
        data = dataset.load(context, run, spec)
        packaging.build(built, stored, Training(spec, run, data, evaluation, trained))
        manifest = parse_manifest((built / MANIFEST_FILE).read_bytes())
        report = report.also(budgets.conditions(manifest, built))
        leave(context, run, report)
        registered = context.registry.register(
            built, name=spec.name, run_id=run.run_id, gate_report=f"runs:/{run.run_id}/{GATE_REPORT_FILE}"
        )
    context.tracking.tag(run.run_id, {"mlyard.version": str(registered.version)})
    return registered
