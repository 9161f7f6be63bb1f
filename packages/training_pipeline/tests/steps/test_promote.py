import io
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.errors import TrainingError
from mlyard_shared.registry import ModelVersion, history
from mlyard_shared.snapshot import Snapshot
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import training
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.steps.gate import leave, report_of
from mlyard_training_pipeline.steps.promote import Answer, promote
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun
from rich.console import Console


def of(version: ModelVersion) -> TrainingRun:
    """The training of a version."""
    taken = Snapshot(sha256="0" * 64, run_id="s", rows=1, taken_at=version.created_at)
    return TrainingRun(model=version.name, run_id=version.run_id, snapshot=taken)


def train(context: Context, file: Path) -> str:
    """Run a training, and return what it prints."""
    printed = io.StringIO()
    training.run(file, context.settings, progress=Progress(steps=9, console=Console(file=printed, width=400)))
    return printed.getvalue()


@pytest.mark.long
def test_a_verdict_against_a_champion_of_before_promotes_nothing(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    file = written(tmp_path, regression(name="overtaken"))
    for _ in range(2):
        training.run(file, context.settings, progress=Progress(steps=9, console=Console(quiet=True)))
    champion, challenger = (context.registry.find("overtaken", alias) for alias in ("champion", "challenger"))
    assert champion is not None
    assert challenger is not None
    first = report_of(context, of(champion))
    leave(context, of(challenger), first)
    with pytest.raises(TrainingError, match="has become the champion since the gate compared"):
        promote(context, of(challenger), challenger, actor="test")
    assert context.registry.find("overtaken", "champion") == champion


def test_a_version_that_needs_an_approval_waits_for_a_person(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    printed = train(context, written(tmp_path, regression(name="asked", gate={"approval": True})))
    assert "the champion stays" in printed
    assert "gate.approval: `promote asked 1 --reason TEXT` makes it the champion" in printed
    assert context.registry.find("asked", "champion") is None
    version = context.registry.version("asked", 1)
    waiting = report_of(context, of(version))
    assert waiting.verdict.endswith("; nobody has been asked to approve it")
    for answer, said in ((Answer(False, "ann"), "ann keeps the champion"), (Answer(False, None), "nobody approved it")):
        leave(context, of(version), waiting)
        assert promote(context, of(version), version, actor="airflow", answer=answer) is None
        assert f"; {said}" in report_of(context, of(version)).verdict
    assert context.registry.find("asked", "champion") is None
    leave(context, of(version), waiting)
    assert promote(context, of(version), version, actor="airflow", answer=Answer(True, "ann")) is not None
    assert context.registry.find("asked", "champion") == version
    # A step that is tried again says it once.
    assert promote(context, of(version), version, actor="airflow", answer=Answer(True, "ann")) is not None
    assert report_of(context, of(version)).verdict.count("approved by ann") == 1
    (move,) = history(context.registry, "asked")
    assert move.reason.endswith("; approved by ann")


@pytest.mark.long
def test_a_person_may_say_yes_where_the_gate_does_not_know_and_not_where_it_says_no(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    train(context, written(tmp_path, regression(name="unsure", gate={"approval": True})))
    version = context.registry.version("unsure", 1)
    report = report_of(context, of(version))
    yes = Answer(True, "ann")
    leave(context, of(version), report.model_copy(update={"outcome": "not passed"}))
    assert promote(context, of(version), version, actor="airflow", answer=yes) is None
    leave(context, of(version), report.model_copy(update={"outcome": "unknown"}))
    assert promote(context, of(version), version, actor="airflow", answer=yes) is not None


def test_what_is_unknown_is_not_promoted_without_a_person(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    asked = {"segments": {"column": "colour", "minimum": 99.0, "rows": 400}}
    printed = train(context, written(tmp_path, regression(name="few", gate=asked)))
    assert "gate unknown: there is no champion yet" in printed
    assert "rmse by colour: too few rows held out of <missing> (" in printed
    assert context.registry.find("few", "champion") is None


def test_a_version_over_its_budgets_does_not_serve(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    small = regression(name="large", gate={"size_mb": 0.0001, "latency_ms": 1000})
    printed = train(context, written(tmp_path, small))
    assert "gate not passed: there is no champion yet" in printed
    assert "MB, and gate.size_mb = 0.0001" in printed
    version = context.registry.version("large", 1)
    assert report_of(context, of(version)).reasons[1].startswith("the ONNX twin takes ")
    assert context.registry.find("large", "champion") is None


@pytest.mark.long
def test_a_champion_serves_for_a_while_before_it_is_replaced(
    context: Context, regression: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    poor = [{"name": "mean", "estimator": "sklearn.dummy.DummyRegressor"}]
    train(context, written(tmp_path, regression(name="young", candidates=poor)))
    printed = train(context, written(tmp_path, regression(name="young", gate={"cooldown_hours": 1})))
    assert "gate not passed: " in printed
    assert "champion 1 serves since " in printed
    assert "UTC, shorter than gate.cooldown_hours = 1" in printed
    later = train(context, written(tmp_path, regression(name="young", gate={"cooldown_hours": 0.0001})))
    assert "version 3 is the champion" in later
