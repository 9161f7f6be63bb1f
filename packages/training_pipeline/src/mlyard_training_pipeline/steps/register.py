"""Step 6: register the winner as the challenger."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from mlyard_shared.gate import GATE_REPORT_FILE, GateReport
from mlyard_shared.manifest import MANIFEST_FILE, HoldoutRule, parse_manifest
from mlyard_shared.registry import Descriptions, ModelVersion
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.candidates.search.bench import Bench
from mlyard_training_pipeline.data import dataset, holdout
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.steps.gate import leave
from mlyard_training_pipeline.steps.train import write
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun
from mlyard_training_pipeline.versions import budgets, packaging, page
from mlyard_training_pipeline.versions.packaging import Training
from mlyard_training_pipeline.versions.page import Page


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
        imported = evaluation.winner.imported
        rule = imported.held_out if imported is not None else None
        if spec.holdout.refit is not None and imported is None:
            stored, rule = _refitted(spec, data, evaluation, folder / "refitted")
        packaging.build(built, stored, Training(spec, run, data, evaluation, trained, rule, report))
        manifest = parse_manifest((built / MANIFEST_FILE).read_bytes())
        report = report.also(budgets.conditions(manifest, built))
        leave(context, run, report)
        registered = context.registry.register(
            built,
            name=spec.name,
            run_id=run.run_id,
            gate_report=f"runs:/{run.run_id}/{GATE_REPORT_FILE}",
            descriptions=Descriptions(
                model=page.of_model(spec),
                version=page.of_version(Page(spec, manifest, evaluation, report, len(data.names))),
            ),
        )
    context.tracking.tag(run.run_id, {"mlyard.version": str(registered.version)})
    return registered


def _refitted(spec: ModelSpec, data: Dataset, evaluation: Evaluation, folder: Path) -> tuple[Path, HoldoutRule]:
    """The winner fitted once more, also on the oldest of the rows that it was judged on; who is held out from it."""
    share, winner = spec.holdout.refit, evaluation.winner
    assert share is not None  # noqa: S101 - asked for
    assert data.order is not None  # noqa: S101 - the spec was checked
    times = np.sort(data.order[data.held_out])
    boundary = int(times[min(int(len(times) * share), len(times) - 1)])
    newest = data.order >= boundary
    candidate = next(known for known in spec.candidates if known.name == winner.candidate)
    bench = Bench(spec, candidate, data)
    with bench.telling():
        pipeline = bench.fit(winner.parameters, rows=holdout.trained(newest, data.order, spec.holdout.embargo_time))
    folder.mkdir()
    write(pipeline, folder, spec, candidate, data, rule=winner.decision)
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=boundary)
    return folder, data.rule.model_copy(update={"boundary": moment})
