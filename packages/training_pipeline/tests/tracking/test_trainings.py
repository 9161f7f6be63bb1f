"""Trainings that nobody is left to end, in a real MLflow store and with real processes."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mlyard_shared.manifest import MANIFEST_FILE
from mlyard_shared.registry import promote
from mlyard_training_pipeline.tracking import alive as signs
from mlyard_training_pipeline.tracking.alive import alive, is_alive, place
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import ALIVE, CANDIDATE, PARENT, PLACE, SHA256
from mlyard_training_pipeline.tracking.trainings import abandon, begin, end_lost

PROCESS = """
import sys, time
from pathlib import Path
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.alive import alive
from mlyard_training_pipeline.tracking.context import Context
with alive(Context.from_settings(Settings(registry_uri=sys.argv[1], state=Path(sys.argv[2]))), "any", sys.argv[3]):
    print("under way", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def model() -> str:
    return f"model-{uuid4().hex[:8]}"


@contextmanager
def training_elsewhere(context: Context, run_key: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that is under way with a training of the same place."""
    arguments = [context.registry.uri, str(context.settings.state), run_key]
    with subprocess.Popen([sys.executable, "-c", PROCESS, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        try:
            yield process
        finally:
            process.kill()


def status(context: Context, run: Any) -> str:
    return str(context.tracking.get(run.info.run_id).info.status)


def candidate(context: Context, run: Any) -> Any:
    tags = {PARENT: run.info.run_id, CANDIDATE: "ridge"}
    return context.tracking.create(run.info.experiment_id, "candidate", name="ridge", tags=tags)


def test_a_new_dag_run_ends_the_one_before_with_its_candidates(context: Context, model: str) -> None:
    lost = begin(context, model, "scheduled__1")
    child = candidate(context, lost)
    new = begin(context, model, "scheduled__2")
    assert [status(context, run) for run in (lost, child, new)] == ["FAILED", "FAILED", "RUNNING"]


def test_a_step_that_is_tried_again_ends_nothing_of_its_own(context: Context, model: str) -> None:
    run = begin(context, model, "scheduled__1")
    child = candidate(context, run)
    assert begin(context, model, "scheduled__1").info.run_id == run.info.run_id
    assert [status(context, known) for known in (run, child)] == ["RUNNING", "RUNNING"]


def test_the_command_leaves_airflows_trainings_to_airflow(context: Context, model: str) -> None:
    airflows = begin(context, model, "manual__1")
    begin(context, model, "cli-1")
    assert status(context, airflows) == "RUNNING"


def test_ensure_ends_the_trainings_that_airflow_does_not_know(context: Context, model: str) -> None:
    known, lost = (context.tracking.open_training(model, key, {}) for key in ("manual__1", "manual__2"))
    assert end_lost(context, model, under_way=["manual__1"]) == ("manual__2",)
    assert [status(context, run) for run in (known, lost)] == ["RUNNING", "FAILED"]
    assert end_lost(context, model, under_way=[]) == ("manual__1",)
    assert end_lost(context, model, under_way=[]) == ()


def test_a_model_that_was_never_trained_has_nothing_to_end(context: Context, model: str) -> None:
    assert end_lost(context, model, under_way=[]) == ()


def test_trainings_that_have_ended_stay_as_they_are(context: Context, model: str) -> None:
    finished = begin(context, model, "cli-1")
    context.tracking.end(finished.info.run_id, "FINISHED")
    begin(context, model, "cli-2")
    assert status(context, finished) == "FINISHED"


@pytest.mark.long
def test_a_training_of_another_process_goes_on_until_the_process_is_killed(context: Context, model: str) -> None:
    run = begin(context, model, "cli-1")
    with training_elsewhere(context, "cli-1") as process:
        assert end_lost(context, model, under_way=None) == ()
        assert status(context, run) == "RUNNING"
        process.kill()
        process.wait()
        assert end_lost(context, model, under_way=None) == ("cli-1",)
    assert status(context, run) == "FAILED"


def test_a_training_that_ended_without_being_able_to_say_so_is_ended_at_once(context: Context, model: str) -> None:
    with alive(context, model, "cli-1"):
        run = begin(context, model, "cli-1")
        assert is_alive(context.settings.trainings, run)
    begin(context, model, "cli-2")
    assert status(context, run) == "FAILED"


def test_the_folder_of_locks_keeps_none_of_a_training_that_has_ended(context: Context, model: str) -> None:
    with alive(context, model, "cli-1"):
        begin(context, model, "cli-1")
    assert not list(context.settings.trainings.glob("*.lock"))


@pytest.mark.parametrize(
    ("silence", "expected"),
    [(0.0, "RUNNING"), (signs.SILENCE - 60, "RUNNING"), (signs.SILENCE + 60, "FAILED")],
    ids=["a moment ago", "a while ago", "too long ago"],
)
def test_a_training_of_another_place_goes_on_while_its_sign_of_life_does(
    context: Context, model: str, silence: float, expected: str
) -> None:
    assert place(context.settings.trainings) != "another machine"
    sign = f"{time.time() - silence:.0f}"
    run = context.tracking.open_training(model, "cli-1", {PLACE: "another machine", ALIVE: sign})
    begin(context, model, "cli-2")
    assert status(context, run) == expected


def test_a_training_gives_signs_of_life_while_it_is_under_way_and_none_later(
    context: Context, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signs, "BEAT", 0.05)
    with alive(context, model, "cli-1"):
        run = begin(context, model, "cli-1")
        deadline = time.monotonic() + 20
        while ALIVE not in context.tracking.get(run.info.run_id).data.tags and time.monotonic() < deadline:
            time.sleep(0.05)
    told = context.tracking.get(run.info.run_id).data.tags[ALIVE]
    assert abs(float(told) - time.time()) < 30


@pytest.mark.parametrize(("under_way", "expected"), [(None, "RUNNING"), ([], "FAILED")], ids=["unknown", "over"])
def test_a_table_that_was_being_stored_is_ended_with_the_last_training(
    context: Context, model: str, under_way: list[str] | None, expected: str
) -> None:
    training = begin(context, model, "manual__1")
    tags = {SHA256: "0" * 64}
    stored = context.tracking.create(training.info.experiment_id, "snapshot", name="snapshot", tags=tags)
    end_lost(context, model, under_way=under_way)
    assert status(context, stored) == expected


@pytest.fixture
def serving(context: Context, model: str, tmp_path: Path) -> Any:
    """A training that was cut short after its version had become the champion."""
    run = begin(context, model, "manual__1")
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / MANIFEST_FILE).write_text("{}")
    version = context.registry.register(folder, name=model, run_id=run.info.run_id, gate_report="none")
    promote(context.registry, model, version.version, actor="test", reason="first")
    return run


@pytest.mark.parametrize(
    "close",
    [
        pytest.param(lambda context, model: end_lost(context, model, under_way=[]), id="the next training"),
        pytest.param(lambda context, model: abandon(context, model, "manual__1"), id="itself"),
    ],
)
def test_a_training_whose_version_serves_counts_as_finished(
    context: Context, model: str, serving: Any, close: Callable[[Context, str], object]
) -> None:
    assert close(context, model)
    assert status(context, serving) == "FINISHED"


def test_a_training_that_was_abandoned_says_that_its_version_does_not_serve(context: Context, model: str) -> None:
    run = begin(context, model, "manual__1")
    assert not abandon(context, model, "manual__1")
    assert not abandon(context, model, "never begun")
    assert status(context, run) == "FAILED"
