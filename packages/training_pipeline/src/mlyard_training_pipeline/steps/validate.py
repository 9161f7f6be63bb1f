"""Step 2: check that the table fits its spec, before anything is trained, and make its Dataset."""

from mlyard_shared.errors import SpecError

from mlyard_training_pipeline.candidates import checks, resources
from mlyard_training_pipeline.data import dataset, inputs
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun
from mlyard_training_pipeline.versions import contract1


@resources.sharing
def validate(context: Context, run: TrainingRun) -> tuple[str, ...]:
    """Check the table and the candidates, and return the candidates' names.

    Raises:
        TableError: every column and row that does not fit, and what would be right.
        SpecError: a candidate or the folds do not suit the table.
    """
    spec = context.tracking.spec_of(run.run_id)
    made = dataset.load(context, run, spec)
    context.tracking.log_inputs(run.run_id, inputs.of(spec, run.snapshot, made))
    problems = checks.problems(spec, made, trusted=context.settings.estimator_packages)
    if run.contract == 1:
        problems += contract1.problems(spec)
    if problems:
        raise SpecError(names.SPEC_FILE, tuple(problems))
    return tuple(candidate.name for candidate in spec.candidates)
