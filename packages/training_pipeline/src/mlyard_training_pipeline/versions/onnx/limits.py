"""A conversion in a process of its own, with so much CPU time and memory: some conversions would take without end."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Limits(NamedTuple):
    """Seconds of CPU time and bytes of memory; the wall clock is generous, since a busy machine is not the model's."""

    cpu: int = 60
    memory: int = 4 * 1024**3
    wall: float = 1200.0


def apply(cpu: int, memory: int) -> None:
    """Limit this process from here on: what it has used for its imports is not counted."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + cpu)
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_CORE, 0)


def run(module: str, arguments: Sequence[str], limits: Limits) -> str | None:
    """Run a module whose `main` applies the limits, which follow its arguments; why it failed, or None."""
    command = [sys.executable, "-m", module, *arguments, str(limits.cpu), str(limits.memory)]
    # Each thread of a numerical library would reserve memory of its own.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limits.wall, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the conversion has not ended after {limits.wall:.0f} s"
    if done.returncode == 0:
        return None
    if done.returncode == -signal.SIGXCPU:
        return f"the conversion takes more than {limits.cpu} s of CPU time"
    lines = done.stderr.strip().splitlines()
    # A library that gets no memory aborts, where Python raises.
    if done.returncode == -signal.SIGABRT or any(line.startswith("MemoryError") for line in lines[-1:]):
        return f"the conversion takes more than {limits.memory / 1024**2:.0f} MiB of memory"
    if done.returncode < 0:
        return f"the conversion was ended by signal {-done.returncode}"
    return f"it cannot be converted: {lines[-1] if lines else f'exit code {done.returncode}'}"


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (soft, hard))
