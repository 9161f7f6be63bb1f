"""The way of one model's first training, by a clock that a test sets and an Airflow that says what it is told to."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from mlyard_shared.errors import RegistryUnavailable
from mlyard_shared.gate import GateReport
from mlyard_training_pipeline.orchestration.client.airflow import Airflow, Task
from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.client.retry import Retry
from mlyard_training_pipeline.orchestration.client.training import Training
from mlyard_training_pipeline.orchestration.errors import AirflowUnavailable
from rich.console import Console


class Clock:
    """Seconds that pass when a test says so, or when something sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeAirflow(Airflow):
    """Answers from its attributes: no DAG at first, then a run whose tasks a test puts there."""

    def __init__(self) -> None:
        self.url = "http://airflow"
        self.dag: bool | None = None
        self.error: str | None = None
        self.state: Any = "running"
        self.shown: tuple[Task, ...] = ()
        self.started: list[str] = []
        self.report: GateReport | None = None
        self.word: str | None = "column price: not a number"

    def paused(self, dag: str) -> bool | None:
        return self.dag

    def begins_by_itself(self, dag: str) -> bool:
        return False

    def import_error(self, file: str) -> str | None:
        return self.error

    def unfinished_runs(self, dag: str) -> tuple[str, ...]:
        return tuple(self.started)

    def start(self, dag: str, *, note: str = "") -> str:
        self.started.append("run")
        return "run"

    def run_state(self, dag: str, run: str) -> Any:
        return self.state

    def tasks(self, dag: str, run: str) -> tuple[Task, ...]:
        return self.shown

    def gate_report(self, dag: str, run: str) -> GateReport | None:
        return self.report

    def failure(self, dag: str, run: str, task: Task) -> str | None:
        return self.word


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("retry", "training"):
        monkeypatch.setattr(f"mlyard_training_pipeline.orchestration.client.{module}.time", clock)
    return clock


@pytest.fixture
def airflow() -> FakeAirflow:
    return FakeAirflow()


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(shown: io.StringIO) -> Progress:
    return Progress(Console(file=shown), Console(file=io.StringIO()))


@pytest.fixture
def training(airflow: FakeAirflow, progress: Progress, clock: Clock, lacks: list[str]) -> Training:
    return Training(
        "houses",
        dag_file="houses.toml.py",
        airflow=airflow,
        retry=Retry(300, progress),
        progress=progress,
        lack=lambda: "".join(lacks),
    )


@pytest.fixture
def lacks() -> list[str]:
    """What this machine has too little of."""
    return []


@pytest.fixture
def after(training: Training, clock: Clock) -> Callable[[float], str | None]:
    """What the training says after so many seconds."""

    def look(seconds: float) -> str | None:
        clock.now += seconds
        training.step()
        return training.problem

    return look


def running(state: str = "running") -> tuple[Task, ...]:
    return (Task("train", 0, "ridge", state, 1, None, None),)


def test_a_dag_is_waited_for_and_started(
    after: Callable[[float], str | None], airflow: FakeAirflow, training: Training
) -> None:
    assert after(10) is None
    airflow.dag = False
    assert after(10) is None
    assert airflow.started == ["run"]
    assert not training.done


def test_without_a_dag_the_dag_processor_is_to_be_looked_at(after: Callable[[float], str | None]) -> None:
    assert after(299) is None
    assert after(2) == "Airflow shows no DAG after 301 s: check that its dag-processor runs"


def test_an_import_error_counts_when_it_is_not_that_of_the_former_spec(
    after: Callable[[float], str | None], airflow: FakeAirflow
) -> None:
    airflow.error = "houses.toml: folds: give a whole number"
    assert after(10) is None
    assert after(10) == "houses.toml: folds: give a whole number"


@pytest.fixture
def begun(after: Callable[[float], str | None], airflow: FakeAirflow) -> Callable[[float], str | None]:
    """The same, of a training whose run has begun and has been looked at."""
    airflow.dag = False
    after(1)
    after(1)
    return after


def test_a_long_task_is_waited_for(begun: Callable[[float], str | None], airflow: FakeAirflow) -> None:
    airflow.shown = running()
    assert begun(10_000) is None
    assert begun(10_000) is None


def test_a_task_that_failed_is_named_with_its_sentence(
    begun: Callable[[float], str | None], airflow: FakeAirflow
) -> None:
    airflow.shown, airflow.state = running("failed"), "failed"
    assert begun(10) == "train ridge failed: column price: not a number"


def test_a_task_that_could_not_say_why_it_failed_is_explained_by_the_full_disk(
    begun: Callable[[float], str | None], airflow: FakeAirflow, lacks: list[str]
) -> None:
    airflow.shown, airflow.state, airflow.word = running("failed"), "failed", None
    lacks.append("the disk is full")
    assert begun(10) == "train ridge failed: the disk is full"


def test_without_such_an_explanation_it_ended_without_a_word(
    begun: Callable[[float], str | None], airflow: FakeAirflow
) -> None:
    airflow.shown, airflow.state, airflow.word = running("failed"), "failed", None
    assert begun(10) == "train ridge failed: its process ended without a word"


def test_a_full_disk_is_told_while_no_task_begins_and_in_the_end(
    begun: Callable[[float], str | None], lacks: list[str], shown: io.StringIO
) -> None:
    lacks.append("the disk is full")
    assert begun(20) is None
    assert "waiting: the disk is full" in shown.getvalue()
    assert begun(301) == "no task has begun for 300 s: the disk is full"


def test_a_spec_that_is_removed_under_way_is_named(begun: Callable[[float], str | None], airflow: FakeAirflow) -> None:
    assert begun(20) is None, "its DAG is there, and the scheduler may be busy"
    airflow.dag = None
    assert begun(1) == "its DAG has gone: its spec was removed, or has another name now"


def test_a_spec_that_is_broken_under_way_is_named(begun: Callable[[float], str | None], airflow: FakeAirflow) -> None:
    airflow.dag, airflow.error = None, "houses.toml: folds: give a whole number"
    assert begun(20) == "houses.toml: folds: give a whole number"


def lost(champion: int | None) -> GateReport:
    """The verdict on a candidate that is not better than the champion, or than the minimum where there is none."""
    return GateReport(
        outcome="not passed",
        metric="accuracy",
        candidate="ridge",
        candidate_score=0.9,
        champion_version=champion,
        champion_score=0.9 if champion else None,
        minimum=None,
        margin=0.0,
        holdout_rows=20,
        reasons=("it is not better",),
    )


@pytest.mark.parametrize(
    ("champion", "problem"),
    [
        pytest.param(1, None, id="another training was faster"),
        pytest.param(
            None, "gate not passed: it is not better; it has no champion until a training passes", id="nothing serves"
        ),
    ],
)
def test_a_training_that_loses_is_a_problem_only_where_nothing_serves(
    begun: Callable[[float], str | None],
    airflow: FakeAirflow,
    training: Training,
    champion: int | None,
    problem: str | None,
) -> None:
    airflow.state, airflow.report = "success", lost(champion)
    assert begun(1) == problem
    assert training.done


def test_where_no_task_begins_the_scheduler_is_to_be_looked_at(begun: Callable[[float], str | None]) -> None:
    assert begun(301) == "no task has begun for 300 s: check that Airflow's scheduler runs"


@pytest.mark.parametrize("error", [AirflowUnavailable("http://airflow", "refused"), RegistryUnavailable("x", "y")])
def test_an_answer_is_waited_for_until_the_time_is_up(clock: Clock, progress: Progress, error: Exception) -> None:
    begun = clock.now

    def ask() -> str:
        if clock.now - begun < 60:
            raise error
        return "answer"

    assert Retry(100, progress).call(ask) == "answer"
    begun = clock.now
    with pytest.raises(type(error)):
        Retry(30, progress).call(ask)
    assert clock.now - begun == 30


def test_what_is_refused_is_not_asked_again(clock: Clock, progress: Progress) -> None:
    def ask() -> str:
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        Retry(100, progress).call(ask)
    assert clock.now == 1000
