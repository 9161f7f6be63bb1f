"""A whole training in one process: the steps in the order of the DAG, with their progress."""

import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from mlyard_shared.errors import MlyardError, RegistryError, RegistryUnavailable
from mlyard_shared.spec import read_spec

from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.promotions import operator
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.endings import abandon


class Interrupted(MlyardError):
    """The user stopped a training."""


def run(spec_file: Path, settings: Settings, *, progress: Progress | None = None) -> None:
    """Train, judge, register and, if the gate lets it, promote the model of a spec.

    Raises:
        MlyardError: what went wrong; the training's run is then marked as failed.
    """
    spec = read_spec(spec_file)
    run_key = f"cli-{uuid.uuid4()}"
    context = None
    with progress or Progress(steps=7 + len(spec.candidates)) as shown, _stopped_by_sigterm():
        try:
            with shown.step("connect"):
                context = Context.from_settings(settings)
                context.registry.served_models()
            _train(context, spec_file, run_key, shown)
        except KeyboardInterrupt:
            _give_up(context, spec.name, run_key)
            raise Interrupted(
                f"stopped: this training of {spec.name} counts as failed, and no alias has moved"
            ) from None
        except RegistryUnavailable:
            raise
        except BaseException:
            _give_up(context, spec.name, run_key)
            raise


def _train(context: Context, spec_file: Path, run_key: str, progress: Progress) -> None:
    from mlyard_training_pipeline.steps.evaluate import evaluate
    from mlyard_training_pipeline.steps.extract import extract
    from mlyard_training_pipeline.steps.gate import gate
    from mlyard_training_pipeline.steps.promote import promote
    from mlyard_training_pipeline.steps.register import register
    from mlyard_training_pipeline.steps.train import train
    from mlyard_training_pipeline.steps.validate import validate

    metric = read_spec(spec_file).metric
    with progress.step("extract") as step:
        training = extract(context, spec_file, run_key=run_key)
        step.result = f"{training.snapshot.rows} rows, SHA-256 {training.snapshot.sha256[:12]}"
    with progress.step("validate") as step:
        names = validate(context, training)
        step.result = f"{len(names)} candidate{'s' if len(names) > 1 else ''}"
    trained = []
    for name in names:
        with progress.step(f"train {name}") as step:
            trained.append(train(context, training, name))
            step.result = f"{metric} {trained[-1].score:.4f} ± {trained[-1].deviation:.4f} over the folds"
    with progress.step("evaluate") as step:
        evaluation = evaluate(context, training, trained)
        step.result = (
            f"{evaluation.winner.candidate}: {metric} {evaluation.score:.4f} on {evaluation.holdout_rows} rows held out"
        )
    with progress.step("gate") as step:
        report = gate(context, training, evaluation)
        step.result = "passed" if report.passed else "not passed"
    with progress.step("register") as step:
        version = register(context, training, evaluation, report)
        step.result = f"version {version.version}"
    with progress.step("promote") as step:
        move = promote(context, training, version, report, actor=operator())
        step.result = f"version {version.version} is the champion" if move else "the champion stays"
    progress.say(f"gate {report.verdict}")
    where = context.registry.uri.rstrip("/")
    progress.say(
        f"{version.name} version {version.version}: {where}/#/models/{version.name}/versions/{version.version}"
    )


def _give_up(context: Context | None, model: str, run_key: str) -> None:
    if context is not None:
        # What stopped the training is the news; that its run could not be marked as well is none.
        with suppress(RegistryError, KeyboardInterrupt):
            abandon(context, model, run_key)


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that a training stopped by a supervisor is marked as failed too."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
