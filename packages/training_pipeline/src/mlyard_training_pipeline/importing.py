"""A pipeline that somebody fitted becomes a version by the rules of every other: twin, manifest, gate, registration."""

import tempfile
import uuid
from pathlib import Path
from typing import Any

from mlyard_shared.errors import ModelVersionRefused, TrainingError
from mlyard_shared.spec import ModelSpec, read_spec

from mlyard_training_pipeline.interruption import sigterm_as_interrupt
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.alive import alive
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import BY_COMMAND
from mlyard_training_pipeline.training import accounted_for, conclude, tell

_STEPS = 7
_READ = ("sklearn.compose._column_transformer.make_column_selector",)
"""What notebooks have and a version has not: it is gone when the columns are known by name."""


def import_pipeline(
    pipeline: Path,
    spec_file: Path,
    settings: Settings,
    *,
    table: Path,
    trained_on: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Take a fitted pipeline, judge it, register it and, if the gate lets it, promote it.

    Args:
        pipeline: a skops file.
        spec_file: the model spec; its source and its candidates are not used.
        settings: of the pipeline.
        table: what it is judged on, with the spec's columns.
        trained_on: the rows that it was fitted on; without them nobody knows whether it has seen those held out.
        progress: shows the steps.

    Raises:
        MlyardError: what cannot be taken, and why; the training's run is then marked as failed.
    """
    from mlyard_training_pipeline.notebooks import spec_file as files
    from mlyard_training_pipeline.notebooks import translation

    spec = read_spec(spec_file)
    original = _load(pipeline)
    path = translation.estimator_path(translation.last(original))
    run_key = f"{BY_COMMAND}{uuid.uuid4()}"
    with (
        progress or Progress(steps=_STEPS) as shown,
        sigterm_as_interrupt(),
        accounted_for(spec.name, run_key, shown) as begun,
        tempfile.TemporaryDirectory(prefix="mlyard-") as folder,
    ):
        with shown.step("connect"):
            context = Context.from_settings(settings)
            context.registry.served_models()
        begun.append(context)
        file = Path(folder, spec_file.name)
        files.write(files.of_import(spec, table, path), file)
        with alive(context, spec.name, run_key):
            _take(context, spec, file, run_key, shown, original=original, trained_on=trained_on)


def _load(pipeline: Path) -> Any:
    from mlyard_shared.pipelines import load_pipeline

    if not pipeline.is_file():
        raise TrainingError(f"there is no file {pipeline}")
    try:
        return load_pipeline(pipeline, also=_READ)
    except ModelVersionRefused as error:
        raise TrainingError(
            f"{error}; a version holds scikit-learn's own types only: write the pipeline with skops.io.dump, without "
            "functions and estimators of other packages"
        ) from None


def _take(
    context: Context,
    spec: ModelSpec,
    spec_file: Path,
    run_key: str,
    progress: Progress,
    *,
    original: Any,
    trained_on: Path | None,
) -> None:
    from mlyard_training_pipeline.steps.evaluate import evaluate
    from mlyard_training_pipeline.steps.extract import extract
    from mlyard_training_pipeline.steps.take import take

    with progress.step("extract") as step:
        training = extract(context, spec_file, run_key=run_key)
        step.result = f"{training.snapshot.rows} rows, SHA-256 {training.snapshot.sha256[:12]}"
    with progress.step("take the pipeline") as step:
        taken = take(context, training, original, trained_on=trained_on)
        step.result = f"the same answers for {training.snapshot.rows} rows"
    with progress.step("evaluate") as step:
        evaluation = evaluate(context, training, [taken])
        step.result = f"{spec.metric} {evaluation.score:.4f} on {evaluation.holdout_rows} rows held out"
    version = conclude(context, training, evaluation, progress)
    tell(context, training, version, progress)
