import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlyard_shared.errors import RegistryUnavailable, SourceUnavailable, TableError
from mlyard_training_pipeline.orchestration.dags.attempts import attempt
from mlyard_training_pipeline.settings import PREFIX, Settings

AWAY = RegistryUnavailable("http://registry", "refused")


@pytest.fixture
def state(airflow_here: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of state, and a task of Airflow's that runs in this process."""
    from airflow.sdk.execution_time.context import set_current_context

    monkeypatch.setenv(f"{PREFIX}STATE", str(tmp_path))
    task: Any = SimpleNamespace(dag_id="houses", run_id="manual", task_id="train", map_index=0)
    with set_current_context({"ti": task}):
        yield tmp_path


def try_once(error: Exception | None) -> str:
    """What becomes of an attempt: the error's message, after "for good: " where Airflow will not try again."""
    from airflow.sdk.exceptions import AirflowFailException

    try:
        with attempt():
            fail(error)
    except AirflowFailException as final:
        return f"for good: {final}"
    except Exception as passing:  # noqa: BLE001 - which one is the test
        return "again" if passing is error else f"changed: {passing}"
    return "done"


def fail(error: Exception | None) -> None:
    if error is not None:
        raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        pytest.param(None, "done", id="success"),
        pytest.param(AWAY, "again", id="a registry that is away"),
        pytest.param(SourceUnavailable("warehouse does not answer"), "again", id="a source that is away"),
        pytest.param(
            TableError("column price: not a number"), "for good: column price: not a number", id="wrong table"
        ),
        pytest.param(MemoryError(), "for good: there is not enough memory for this training", id="memory"),
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device", "/tmp/x"),
            "for good: cannot write into /tmp/x (its disk is full): free space there",
            id="full disk",
        ),
        pytest.param(
            FileNotFoundError(errno.ENOENT, "", "a.toml"),
            "for good: cannot use a.toml (there is no such file or folder)",
            id="file gone",
        ),
        pytest.param(ConnectionResetError(errno.ECONNRESET, "reset"), "again", id="a connection that broke"),
        pytest.param(ZeroDivisionError("division by zero"), "again", id="an unknown fault"),
    ],
)
def test_only_what_can_go_away_is_tried_again(state: Path, error: Exception | None, outcome: str) -> None:
    assert try_once(error).startswith(outcome)


def test_an_unknown_fault_is_tried_twice_and_then_named(state: Path) -> None:
    assert try_once(ZeroDivisionError("division by zero")) == "again"
    assert try_once(AWAY) == "again"
    assert try_once(ZeroDivisionError("division by zero")) == "for good: ZeroDivisionError: division by zero"


def test_a_registry_that_is_away_is_waited_for_as_long_as_airflow_tries(state: Path) -> None:
    assert {try_once(AWAY) for _ in range(8)} == {"again"}


@pytest.fixture
def killed() -> Callable[[], None]:
    """Begins an attempt whose process gets no chance to end it."""
    begun = []

    def begin() -> None:
        begun.append(attempt())
        begun[-1].__enter__()

    return begin


def test_after_two_kills_there_is_no_third_attempt(state: Path, killed: Callable[[], None]) -> None:
    killed()
    killed()
    outcome = try_once(None)
    assert outcome.startswith("for good: its process was killed 2 times; most likely there is not enough memory")
    assert try_once(None) == "done", "who clears the task wants it tried again"


@pytest.mark.parametrize("between", [lambda: try_once(None), lambda: try_once(AWAY)], ids=["success", "registry away"])
def test_kills_count_only_one_after_another(
    state: Path, killed: Callable[[], None], between: Callable[[], str]
) -> None:
    killed()
    between()
    killed()
    assert try_once(None) == "done"


def test_nothing_is_left_of_an_attempt_that_ended(state: Path) -> None:
    try_once(None)
    try_once(TableError("wrong"))
    assert list((state / "attempts").iterdir()) == []


def test_tasks_are_told_apart(state: Path, killed: Callable[[], None]) -> None:
    from airflow.sdk.execution_time.context import set_current_context

    killed()
    killed()
    other: Any = SimpleNamespace(dag_id="houses", run_id="manual", task_id="train", map_index=1)
    with set_current_context({"ti": other}):
        assert try_once(None) == "done"


def test_a_state_that_cannot_be_written_to_is_no_obstacle(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(f"{PREFIX}STATE", str(tmp_path / "file"))
    assert try_once(None) == "done"
    assert try_once(ZeroDivisionError()) == "again"
