"""Threads: what the machine or the container gives, divided by what runs at once.

Every library of numbers takes as many threads as it sees processors. Where several tasks do so on the same processors,
their threads wait for one another, and each task is slower than with one.
"""

import contextlib
import fcntl
import functools
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from mlyard_training_pipeline.candidates.memory import control_groups
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.state_folder import writing

P = ParamSpec("P")
R = TypeVar("R")
_QUOTA = Path("/sys/fs/cgroup/cpu")
_MACHINE = Path("/proc/sys/kernel/random/boot_id")
_OF_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_VARIABLES = (*_OF_LIBRARIES, "LOKY_MAX_CPU_COUNT")
"""What OpenMP, the libraries of linear algebra and joblib read, which a user may have set to less."""


def processors(folders: list[Path] | None = None, first: Path = _QUOTA) -> int:
    """How many processors this process may keep busy: those that it may run on, at most its control groups' quota.

    Args:
        folders: of its control groups; found by default.
        first: the folder of the quota of control groups of version 1.
    """
    quotas = [_quota(_text(folder / "cpu.max").split()) for folder in (folders or control_groups())]
    quotas.append(_quota([_text(first / "cpu.cfs_quota_us"), _text(first / "cpu.cfs_period_us")]))
    return max(1, int(min([_usable(), *(quota for quota in quotas if quota is not None)])))


def _usable() -> int:
    # macOS binds no process to some of its processors, and has no such call.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def place(folder: Path) -> Iterator["Place"]:
    """Hold a place among what runs at once with this folder; the system takes it away when the process dies.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    with writing(folder):
        own, made = folder / f"{_machine()}.{uuid.uuid4().hex}", folder / f".{uuid.uuid4().hex}"
        file = made.open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        made.rename(own)  # locked before anybody can see it: one without a lock is nobody's any more
        held = Place(own, os.environ)
        token = _HELD.set(held)
        try:
            yield held
        finally:
            _HELD.reset(token)
            own.unlink(missing_ok=True)


class Place:
    """One of the places in a folder."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        """Take the file of a place, which is locked, and the variables in which a user may have asked for less."""
        said = [environment.get(name, "") for name in _VARIABLES]
        self._file = file
        self._most = min((int(text) for text in said if text.isdigit() and int(text) > 0), default=None)

    def running(self) -> int:
        """How many places are held on this machine, this one included; those of processes that died are cleared."""
        others = [file for file in self._file.parent.iterdir() if file != self._file and file.name[0] != "."]
        # Where machines share the folder, each has its own processors.
        return 1 + sum(_is_held(file) for file in others if file.name.rpartition(".")[0] in ("", _machine()))

    def threads(self) -> int:
        """This place's share of the processors, at most what the user asked for."""
        share = max(1, processors() // self.running())
        return share if self._most is None else min(share, self._most)


_HELD: ContextVar[Place | None] = ContextVar("held", default=None)


def share_again() -> None:
    """Take what is this step's share by now: others have begun or ended since. To be called before a fit."""
    held = _HELD.get()
    if held is not None:
        _limit(held.threads())


def divide(processes: int) -> None:
    """Give each of so many processes, which the next fit starts, its part of this step's share.

    joblib leaves a number of threads alone that its processes find in their variables. This process's own libraries
    have read theirs.
    """
    if _HELD.get() is not None:
        share = int(os.environ[_OF_LIBRARIES[0]])
        os.environ |= dict.fromkeys(_OF_LIBRARIES, str(max(1, share // processes)))


@contextlib.contextmanager
def bounded(threads: int) -> Iterator[None]:
    """Let no library start more threads than these: OpenMP, linear algebra, joblib and Arrow."""
    import pyarrow as pa
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    former, arrow = {name: os.environ.get(name) for name in _VARIABLES}, pa.cpu_count()
    try:
        with threadpool_limits(threads):
            _limit(threads)
            yield
    finally:
        pa.set_cpu_count(arrow)
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _limit(threads: int) -> None:
    import pyarrow as pa
    from threadpoolctl import threadpool_limits

    # Libraries that are loaded later, and processes that are started, read the variables.
    os.environ |= dict.fromkeys(_VARIABLES, str(threads))
    pa.set_cpu_count(threads)
    threadpool_limits(threads)


def sharing(step: Callable[Concatenate[Context, P], R]) -> Callable[Concatenate[Context, P], R]:
    """Let a step take its share of the processors while it runs, and give back the memory that Arrow has kept."""

    @functools.wraps(step)
    def shared(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> R:
        import pyarrow as pa

        with place(context.settings.running) as own, bounded(own.threads()):
            done = step(context, *args, **kwargs)
        pa.default_memory_pool().release_unused()
        return done

    return shared


def _machine() -> str:
    """What tells this machine from others: on Linux the same in all of its containers."""
    return _text(_MACHINE).strip() or f"{uuid.getnode():x}"


def _is_held(file: Path) -> bool:
    try:
        with file.open() as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _quota(numbers: list[str]) -> float | None:
    """Processors' worth of time, of a quota and the period that it is for; None where there is no limit."""
    if len(numbers) != 2 or not all(number.strip().isdigit() for number in numbers) or int(numbers[1]) == 0:
        return None
    return int(numbers[0]) / int(numbers[1])


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
