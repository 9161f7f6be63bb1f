import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlyard_training_pipeline.settings import Settings

from ...volumes import fill, mounted


@pytest.mark.long  # what a scheduler cannot import it says, and `test_first_start.py` reads what it says
def test_everything_that_is_imported_ahead_exists(airflow_here: Settings) -> None:
    from mlyard_training_pipeline.orchestration.processes.executor import LIBRARIES, STORES, libraries, warm_up

    assert libraries("http://127.0.0.1:5000") == LIBRARIES
    assert len(warm_up("sqlite:///mlflow.db")) == len(LIBRARIES + STORES)


class Stuck:
    """Work that a worker takes and never ends."""

    @property
    def running_state(self) -> None:
        time.sleep(60)


class Executor:
    """The real executor, with its workers, under a test's clock."""

    def __init__(self) -> None:
        from mlyard_training_pipeline.orchestration.processes import executor

        module: Any = executor  # Airflow's part of it has no types
        self.real = module.LocalExecutor(parallelism=2)
        self.real.start()

    def workers(self) -> int:
        self.real._check_workers()
        return len(self.real.workers)

    def idle(self, seconds: float) -> None:
        """Let it believe that its last task was so long ago, and look."""
        self.real._busy_at = time.monotonic() - seconds
        self.real.sync()

    def wait_for_workers(self, count: int) -> bool:
        deadline = time.monotonic() + 10
        while self.workers() != count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.workers() == count


@pytest.fixture
def executor(airflow_here: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Executor]:
    if multiprocessing.get_start_method() != "fork":
        pytest.skip("the workers are spawned here, and have nothing to share")
    monkeypatch.setattr("mlyard_training_pipeline.orchestration.processes.executor.warm_up", lambda uri: ())
    executor = Executor()
    try:
        yield executor
    finally:
        executor.real.end()


def test_idle_workers_end_and_the_next_task_forks_new_ones(executor: Executor) -> None:
    assert executor.workers() == 2
    executor.idle(20)
    assert executor.workers() == 2
    executor.idle(40)
    assert executor.wait_for_workers(0)
    with executor.real._unread_messages:
        executor.real._unread_messages.value += 1
    executor.real.activity_queue.put(None)  # what it is does not matter to the count
    executor.real._check_workers()
    assert len(executor.real.workers) == 2


def test_workers_stay_while_a_task_runs(executor: Executor) -> None:
    executor.real.running.add("a task")
    executor.idle(40)
    time.sleep(0.3)
    assert executor.workers() == 2
    executor.real.running.clear()


def test_it_ends_in_seconds_while_a_task_runs_on(
    airflow_here: Settings, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlyard_training_pipeline.orchestration.processes.executor.STOP_SECONDS", 0.5)
    executor.real.activity_queue.put(Stuck())
    with executor.real._unread_messages:
        executor.real._unread_messages.value += 1
    time.sleep(0.5)
    started = time.monotonic()
    executor.real.end()
    assert time.monotonic() - started < 5
    executor.real.start()  # for the fixture, which ends it


def test_tasks_wait_while_the_disk_of_their_logs_is_full_which_is_told_once(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.executors.base_executor import BaseExecutor

    begun: list[int] = []
    monkeypatch.setattr(BaseExecutor, "trigger_tasks", lambda self, slots: begun.append(slots))
    with mounted(tmp_path / "volume", size="4m") as volume:
        executor.real._state = volume
        with contextlib.suppress(OSError):
            fill(volume / "ballast")
        for _ in range(3):
            executor.real.trigger_tasks(2)
        assert begun == []
        (told,) = [record.getMessage() for record in caplog.records if "no task begins" in record.getMessage()]
        assert f"cannot write into {volume} (its disk is full): free space there" in told
        (volume / "ballast").unlink()
        executor.real.trigger_tasks(2)
        assert begun == [2]


def test_of_a_task_the_scheduler_repeats_only_what_goes_wrong(airflow_here: Settings) -> None:
    import structlog
    from mlyard_training_pipeline.orchestration.processes.executor import only_what_goes_wrong

    for level in ("debug", "info"):
        with pytest.raises(structlog.DropEvent):
            only_what_goes_wrong(None, level, {"event": "x"})
    for level in ("warning", "error", "critical"):
        assert only_what_goes_wrong(None, level, {"event": "x"}) == {"event": "x"}
