"""Step 1: take a snapshot of the table."""

from pathlib import Path

from mlyard_shared.spec import read_spec

from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.data import snapshots, sources
from mlyard_training_pipeline.tracking import names, trainings
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun


@resources.sharing
def extract(context: Context, spec_file: Path, *, run_key: str) -> TrainingRun:
    """Begin a training: the table as a snapshot, and its parent run with the spec.

    Args:
        context: the registry and the settings.
        spec_file: the model spec; later steps read the copy that is stored with the run.
        run_key: names this training; the same key again finds the same run.

    Raises:
        SpecError: the spec is wrong.
        TableError: the table cannot be read.
    """
    spec = read_spec(spec_file)
    connections = context.settings.connections
    stream = sources.open_table(spec, spec_file.parent, connections)
    snapshot = snapshots.take(context, spec.name, stream)
    # A table that cannot be read leaves no training behind.
    run = trainings.begin(context, spec.name, run_key)
    context.tracking.show(run.info.experiment_id, spec.metric)
    context.tracking.store_spec(run.info.run_id, spec_file)
    tags = {names.SHA256: snapshot.sha256, names.SNAPSHOT: snapshot.run_id}
    context.tracking.tag(run.info.run_id, tags)
    snapshots.forget_old(context, spec.name, snapshot)
    return TrainingRun(
        model=spec.name,
        run_id=run.info.run_id,
        snapshot=snapshot,
        contract=context.settings.model_version_contract,
    )
