"""An attempt at a task: what ends it for good is one sentence, and what goes away by itself is tried again."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from mlyard_shared.errors import PromotionConflict, RegistryUnavailable, SourceUnavailable

from mlyard_training_pipeline.failures import sentence
from mlyard_training_pipeline.settings import Settings

PASSING = (RegistryUnavailable, SourceUnavailable, PromotionConflict)
"""Errors that go away by themselves."""

MOST_UNKNOWN = 2
"""Attempts that end in an error that nobody foresaw: the second one shows that it was no accident."""

MOST_KILLED = 2
"""Attempts whose process was killed: one may be a restart of the scheduler, a second one most likely lacked memory."""


@contextmanager
def attempt() -> Iterator[None]:
    """Let Airflow try again after what goes away by itself, once after what nobody foresaw, and after nothing else."""
    record = _Record.of_this_task()
    former = record.read()
    if former.killed >= MOST_KILLED:
        record.forget()
        _fail(f"its process was killed {former.killed} times; most likely {sentence(MemoryError())}")
    # Until it ends, it counts as killed: a process that is killed has no chance to say so.
    record.write(_Attempts(killed=former.killed + 1, unknown=former.unknown))
    try:
        yield
    except PASSING:
        record.write(_Attempts(killed=0, unknown=former.unknown))
        raise
    # Whatever a library raises is shown as it is, with its traceback in the log.
    except Exception as error:
        record.forget()
        if known := sentence(error):
            _fail(known)
        if former.unknown + 1 >= MOST_UNKNOWN:
            _fail(f"{type(error).__name__}: {error}", cause=error)
        record.write(_Attempts(killed=0, unknown=former.unknown + 1))
        raise
    except BaseException:
        record.forget()
        raise
    record.forget()


def _fail(reason: str, *, cause: Exception | None = None) -> NoReturn:
    from airflow.sdk.exceptions import AirflowFailException

    raise AirflowFailException(reason) from cause


class _Attempts(NamedTuple):
    killed: int = 0
    unknown: int = 0


class _Record:
    """How a task's former attempts ended, kept in a file; without it, Airflow's own number of attempts holds."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @classmethod
    def of_this_task(cls) -> "_Record":
        from airflow.sdk import get_current_context

        try:
            task: Any = get_current_context()["ti"]
        except RuntimeError:  # outside of Airflow
            return cls(None)
        name = f"{task.dag_id} {task.run_id} {task.task_id} {task.map_index}"
        return cls(Settings.load().state / "attempts" / hashlib.sha256(name.encode()).hexdigest())

    def read(self) -> _Attempts:
        try:
            killed, unknown = self._file.read_text().split() if self._file else ("0", "0")
            return _Attempts(int(killed), int(unknown))
        except (OSError, ValueError):
            return _Attempts()

    def write(self, attempts: _Attempts) -> None:
        if self._file:
            with suppress(OSError):
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(f"{attempts.killed} {attempts.unknown}")

    def forget(self) -> None:
        if self._file:
            with suppress(OSError):
                self._file.unlink()
