"""Step 2: hold that the table fits its spec, before anything is trained."""

from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun


def validate(context: Context, run: TrainingRun) -> tuple[str, ...]:
    """Check the table and the candidates, and return the candidates' names.

    Raises:
        TableError: column and row that do not fit, and what would be right.
        SpecError: a candidate's estimator or one of its parameters is wrong.
    """
    spec = context.tracking.spec_of(run.run_id)
    table.read(snapshots.load(context, run.snapshot), spec)
    estimators.check_candidates(spec, names.SPEC_FILE)
    return tuple(candidate.name for candidate in spec.candidates)
