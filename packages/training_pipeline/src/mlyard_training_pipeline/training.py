"""A whole training in one process: the steps in the order of the DAG, with their progress."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlyard_shared.errors import RegistryError, RegistryUnavailable
from mlyard_shared.registry import ModelVersion
from mlyard_shared.spec import read_spec

from mlyard_training_pipeline.failures import sentence
from mlyard_training_pipeline.interruption import Interrupted, sigterm_as_interrupt
from mlyard_training_pipeline.notifications.events import training_failed
from mlyard_training_pipeline.notifications.telling import tell as notify
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.promotions import operator
from mlyard_training_pipeline.schedule import check_schedule
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.alive import alive
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import BY_COMMAND
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun
from mlyard_training_pipeline.tracking.trainings import abandon


def run(spec_file: Path, settings: Settings, *, progress: Progress | None = None) -> None:
    """Train, judge, register and, if the gate lets it, promote the model of a spec.

    Raises:
        MlyardError: what went wrong; the training's run is then marked as failed.
    """
    spec = read_spec(spec_file)
    check_schedule(spec, spec_file)
    run_key = f"{BY_COMMAND}{uuid.uuid4()}"
    with (
        progress or Progress(steps=8 + len(spec.candidates)) as shown,
        sigterm_as_interrupt(),
        accounted_for(spec.name, run_key, shown) as begun,
    ):
        with shown.step("connect"):
            context = Context.from_settings(settings)
            context.registry.served_models()
        begun.append(context)
        with alive(context, spec.name, run_key):
            _train(context, spec_file, run_key, shown)


@contextmanager
def accounted_for(model: str, run_key: str, progress: Progress) -> Iterator[list[Context]]:
    """Leave no run behind that seems to be under way, once the list holds the context of a training that has begun."""
    begun: list[Context] = []
    try:
        yield begun
    except KeyboardInterrupt:
        raise Interrupted(_stop(begun[0], model, run_key) if begun else "stopped before the training began") from None
    except RegistryUnavailable as error:
        if begun:
            progress.say(f"this training of {model} counts as failed; the next one marks its run so")
            _tell(begun[0], model, run_key, error)
        raise
    except BaseException as error:
        # The user has to hear what stopped the training. That its run could not be marked is mended by the next one.
        with suppress(RegistryError, KeyboardInterrupt):
            for context in begun:
                if not abandon(context, model, run_key):
                    _tell(context, model, run_key, error)
        raise


def _tell(context: Context, model: str, run_key: str, error: BaseException) -> None:
    reason = sentence(error) or f"{type(error).__name__}: {error}"
    notify(context.settings, lambda: [training_failed(model, run_key, reason)])


def _stop(context: Context, model: str, run_key: str) -> str:
    """Mark a training that was stopped, and say what became of it."""
    try:
        serves = abandon(context, model, run_key)
    except (RegistryError, KeyboardInterrupt):
        return (
            f"stopped: this training of {model} counts as failed, but the registry could not be told; the next one "
            "marks its run so, and `history` says whether the champion moved"
        )
    if serves:
        return f"stopped when the training of {model} was done: its version is the champion"
    return f"stopped: this training of {model} counts as failed, and its champion has not changed"


def _train(context: Context, spec_file: Path, run_key: str, progress: Progress) -> None:
    from mlyard_training_pipeline.steps.evaluate import evaluate
    from mlyard_training_pipeline.steps.evidence import evidence
    from mlyard_training_pipeline.steps.extract import extract
    from mlyard_training_pipeline.steps.train import train
    from mlyard_training_pipeline.steps.validate import validate

    spec = read_spec(spec_file)
    with progress.step("extract") as step:
        training = extract(context, spec_file, run_key=run_key)
        step.result = f"{training.snapshot.rows} rows, SHA-256 {training.snapshot.sha256[:12]}"
    with progress.step("validate") as step:
        names = validate(context, training)
        step.result = f"{len(names)} candidate{'s' if len(names) > 1 else ''}"
    trained = []
    for position, name in enumerate(names):
        with progress.step(f"train {name}") as step:
            trained.append(train(context, training, name, waiting=len(names) - position))
            step.result = f"{spec.metric} {trained[-1].score:.4f} ± {trained[-1].deviation:.4f} over the folds"
    with progress.step("evaluate") as step:
        evaluation = evaluate(context, training, trained)
        judged = f"{spec.metric} {evaluation.score:.4f} on {evaluation.holdout_rows} rows held out"
        step.result = f"{evaluation.winner.candidate}: {judged}"
    version = conclude(context, training, evaluation, progress)
    # The training is done: stopping it now stops the plots alone.
    with progress.step("evidence") as step, suppress(KeyboardInterrupt):
        step.result = "stopped: the training was done before"
        shown = evidence(context, training, trained, evaluation)
        step.result = f"{shown.plots} plots" + (f", {len(shown.left_out)} left out" if shown.left_out else "")
    tell(context, training, version, progress)


def conclude(context: Context, training: TrainingRun, evaluation: Evaluation, progress: Progress) -> ModelVersion:
    """Judge the winner, register it, and promote it where it passed."""
    from mlyard_training_pipeline.steps.gate import gate
    from mlyard_training_pipeline.steps.promote import promote
    from mlyard_training_pipeline.steps.register import register

    with progress.step("gate") as step:
        report = gate(context, training, evaluation)
        step.result = report.outcome
    with progress.step("register") as step:
        version = register(context, training, evaluation, report)
        step.result = f"version {version.version}"
    with progress.step("promote") as step:
        move = promote(context, training, version, actor=operator())
        step.result = f"version {version.version} is the champion" if move else "the champion stays"
    return version


def tell(context: Context, training: TrainingRun, version: ModelVersion, progress: Progress) -> None:
    """Say what the gate said, and where the version's page is."""
    from mlyard_training_pipeline.steps.gate import report_of
    from mlyard_training_pipeline.steps.promote import is_open

    report = report_of(context, training)
    for line in (f"gate {report.verdict}", *(f"note: {note}" for note in report.notes)):
        progress.say(line)
    if context.tracking.spec_of(training.run_id).gate.approval and is_open(report):
        progress.say(f"gate.approval: `promote {version.name} {version.version} --reason TEXT` makes it the champion")
    where = context.registry.uri.rstrip("/")
    progress.say(
        f"{version.name} version {version.version}: {where}/#/models/{version.name}/versions/{version.version}"
    )
