"""The steps as Airflow calls them: references come and go as JSON, and errors say whether a retry can help."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlyard_shared.errors import MlyardError
from mlyard_shared.spec import ModelSpec, read_spec
from mlyard_shared.spec.files import wrong

from mlyard_training_pipeline.orchestration.admission import admit
from mlyard_training_pipeline.orchestration.dags.attempts import attempt

if TYPE_CHECKING:
    from mlyard_training_pipeline.tracking.context import Context

YES, NO = "Promote", "Keep the champion"
"""What a person may answer where the spec asks for an approval."""

Reference = dict[str, Any]
"""A frozen contract as JSON: what travels through XCom in place of data."""


def extract(spec_file: str, model: str, run_key: str) -> Reference:
    """Take a snapshot of the table and open the training run."""
    from mlyard_training_pipeline.steps.extract import extract as step

    with attempt():
        context, file = _context(), Path(spec_file)
        _spec_of(model, file, folders=context.settings.table_folders)
        return step(context, file, run_key=run_key).model_dump(mode="json")


def validate(run: Reference) -> list[str]:
    """Check the snapshot, and return the names of the candidates."""
    from mlyard_training_pipeline.steps.validate import validate as step
    from mlyard_training_pipeline.tracking.references import TrainingRun

    with attempt():
        return list(step(_context(), TrainingRun.model_validate(run)))


def search(run: Reference, candidate: str) -> list[Reference]:
    """Begin a candidate's search, and return what is left of it in parts."""
    from mlyard_training_pipeline.steps.search import begin as step
    from mlyard_training_pipeline.tracking.references import TrainingRun

    with attempt():
        parts = step(_context(), TrainingRun.model_validate(run), candidate)
        return [part.model_dump(mode="json") for part in parts]


def spread(begun: list[list[Reference]]) -> list[Reference]:
    """What is left of all searches, part by part."""
    return [part for parts in begun for part in parts]


def settings(run: Reference, part: Reference) -> None:
    """Try one part of a candidate's settings."""
    from mlyard_training_pipeline.steps.search import go_on as step
    from mlyard_training_pipeline.tracking.references import SearchPart, TrainingRun

    with attempt():
        step(_context(), TrainingRun.model_validate(run), SearchPart.model_validate(part))


def rung(run: Reference, candidate: str, number: int) -> None:
    """Try the best of a candidate's settings once more, on more rows."""
    from mlyard_training_pipeline.steps.search import rung as step
    from mlyard_training_pipeline.tracking.references import TrainingRun

    with attempt():
        step(_context(), TrainingRun.model_validate(run), candidate, number)


def train(run: Reference, candidate: str) -> Reference:
    """Train one candidate."""
    from mlyard_training_pipeline.steps.train import train as step
    from mlyard_training_pipeline.tracking.references import TrainingRun

    with attempt():
        return step(_context(), TrainingRun.model_validate(run), candidate).model_dump(mode="json")


def evaluate(run: Reference, candidates: list[Reference]) -> Reference:
    """Choose the best candidate, and measure it and the champion on the holdout."""
    from mlyard_training_pipeline.steps.evaluate import evaluate as step
    from mlyard_training_pipeline.tracking.references import CandidateRun, TrainingRun

    with attempt():
        trained = tuple(CandidateRun.model_validate(candidate) for candidate in candidates)
        return step(_context(), TrainingRun.model_validate(run), trained).model_dump(mode="json")


def evidence(run: Reference, candidates: list[Reference] | None, evaluation: Reference | None) -> list[str]:
    """Draw plots of the candidates, and return what was left out. It never fails, and nothing waits for it."""
    from mlyard_training_pipeline.steps.evidence import evidence as step
    from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun

    if candidates is None or evaluation is None:  # as a task that ends a run it also begins where those before failed
        return []
    trained = [CandidateRun.model_validate(candidate) for candidate in candidates]
    shown = step(_context(), TrainingRun.model_validate(run), trained, Evaluation.model_validate(evaluation))
    return list(shown.left_out)


def gate(run: Reference, evaluation: Reference) -> Reference:
    """Decide whether the winner may serve."""
    from mlyard_training_pipeline.steps.gate import gate as step
    from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun

    with attempt():
        report = step(_context(), TrainingRun.model_validate(run), Evaluation.model_validate(evaluation))
        logging.getLogger(__name__).info("%s", report.verdict)
        return report.model_dump(mode="json")


def register(run: Reference, evaluation: Reference, report: Reference) -> Reference:
    """Register the winner."""
    from mlyard_shared.gate import GateReport

    from mlyard_training_pipeline.steps.register import register as step
    from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun

    with attempt():
        version = step(
            _context(),
            TrainingRun.model_validate(run),
            Evaluation.model_validate(evaluation),
            GateReport.model_validate(report),
        )
        return version.model_dump(mode="json")


def needs_approval(run: Reference, version: Reference) -> dict[str, Any] | None:
    """What a person is asked about: a version that the gate has not refused; None where there is nothing to ask."""
    from mlyard_training_pipeline.steps.gate import report_of
    from mlyard_training_pipeline.steps.promote import is_open
    from mlyard_training_pipeline.tracking.references import TrainingRun

    with attempt():
        report = report_of(_context(), TrainingRun.model_validate(run))
        return {"version": version["version"], "verdict": report.verdict} if is_open(report) else None


def promote(run: Reference, version: Reference, actor: str, answer: Reference | None = None) -> Reference:
    """Make the version the champion if the gate said yes, and where a person was asked, if they did.

    Returns the gate's report as it is in the end.
    """
    from mlyard_shared.registry import ModelVersion

    from mlyard_training_pipeline.steps.gate import report_of
    from mlyard_training_pipeline.steps.promote import Answer
    from mlyard_training_pipeline.steps.promote import promote as step
    from mlyard_training_pipeline.tracking.references import TrainingRun

    with attempt():
        given = None
        if answer is not None:
            person = answer.get("responded_by_user")
            given = Answer(answer["chosen_options"] == [YES], str(person["name"]) if person else None)
        context, training = _context(), TrainingRun.model_validate(run)
        step(context, training, ModelVersion.model_validate(version), actor=actor, answer=given)
        return report_of(context, training).model_dump(mode="json")


def score(spec_file: str, model: str, run_key: str) -> Reference:
    """Score the table of a spec with the model's champion."""
    from mlyard_training_pipeline.batch import score as job
    from mlyard_training_pipeline.batch.request import scheduled

    with attempt():
        context, file = _context(), Path(spec_file)
        spec = _spec_of(model, file, folders=context.settings.table_folders)
        scored = job(context, scheduled(spec, file.parent, run_key=run_key), listener=_Log())
        return scored._asdict()


class _Log:
    """Tells a task's log how a job goes on."""

    def say(self, text: str) -> None:
        logging.getLogger(__name__).info("%s", text)

    def chunk(self, done: int, chunks: int) -> None:
        logging.getLogger(__name__).info("%d of %d chunks", done, chunks)


def abandon(context: Mapping[str, Any]) -> None:
    """Mark a failed DAG run's training run as failed, and tell of it; Airflow calls this with its own context."""
    from mlyard_training_pipeline.notifications.events import training_failed
    from mlyard_training_pipeline.notifications.telling import tell
    from mlyard_training_pipeline.tracking.trainings import abandon as mark

    model, run, ours = context["dag"].dag_id, context["run_id"], _context()
    serves = False
    try:
        serves = mark(ours, model, run)
    except MlyardError as error:
        logging.getLogger(__name__).warning("the training run could not be marked as failed: %s", error)
    if not serves:
        ended = getattr(context.get("ti"), "task_id", None)
        reason = f"its task {ended} failed, whose log says why" if ended else "the log of its failed task says why"
        tell(ours.settings, lambda: [training_failed(model, run, reason)])


def _spec_of(model: str, file: Path, *, folders: Sequence[Path]) -> ModelSpec:
    """The spec as it is now: what the DAG was made from may have been changed since."""
    spec = read_spec(file)
    if spec.name != model:
        raise wrong(file, f"name: is {spec.name} now, but this is a DAG of {model}")
    admit(spec, file, folders=folders)
    return spec


def _context() -> "Context":
    from mlyard_training_pipeline.settings import Settings
    from mlyard_training_pipeline.tracking.context import Context

    return Context.from_settings(Settings.load())
