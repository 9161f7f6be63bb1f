"""Step 1: take a snapshot of the table."""

from pathlib import Path

from mlyard_shared.spec import read_spec

from mlyard_training_pipeline.data import snapshots, sources
from mlyard_training_pipeline.tracking import runs as tracking
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun


def extract(context: Context, spec_file: Path, *, run_key: str) -> TrainingRun:
    """Begin a training: its parent run with the spec, and the table as a snapshot.

    Args:
        context: the registry and the settings.
        spec_file: the model spec; later steps read the copy that is stored with the run.
        run_key: names this training; the same key again finds the same run.

    Raises:
        SpecError: the spec is wrong.
        TableError: the table cannot be read.
    """
    spec = read_spec(spec_file)
    table = sources.read_table(spec, spec_file.parent, context.settings.connections)
    experiment = tracking.experiment(context.registry, spec.name)
    run = tracking.open_training(context.registry, experiment, run_key, model=spec.name)
    _store_spec(context, run.info.run_id, spec_file)
    snapshot = snapshots.take(context, spec.name, table)
    tags = {tracking.SHA256: snapshot.sha256, tracking.SNAPSHOT: snapshot.run_id}
    tracking.tag(context.registry, run.info.run_id, tags)
    snapshots.forget_old(context, spec.name, snapshot)
    return TrainingRun(model=spec.name, run_id=run.info.run_id, snapshot=snapshot)


def _store_spec(context: Context, run_id: str, spec_file: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        copy = Path(folder, tracking.SPEC_FILE)
        copy.write_bytes(spec_file.read_bytes())
        tracking.store(context.registry, run_id, copy)
