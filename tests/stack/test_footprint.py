"""What the stack takes at rest."""

import time
from pathlib import Path

import pytest

from .conftest import Figures
from .docker import docker
from .stack import LASTING, Stack

pytestmark = pytest.mark.full

REST_SECONDS = 60


def pids(stack: Stack, service: str) -> list[int]:
    """The processes of a service's container, as the host numbers them."""
    lines = docker("top", stack.containers()[service], "-eo", "pid").splitlines()[1:]
    return [int(line.split()[0]) for line in lines]


def memory(pid: int) -> float:
    """The proportional set size of a process in MB."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1000


def processor(stack: Stack, service: str) -> float:
    """The processor seconds that a container has used, those of its health checks included."""
    container = stack.containers()[service]
    for place in (f"/sys/fs/cgroup/system.slice/docker-{container}.scope", f"/sys/fs/cgroup/docker/{container}"):
        file = Path(place, "cpu.stat")
        if file.exists():
            usage = dict(line.split() for line in file.read_text().splitlines())
            return int(usage["usage_usec"]) / 1e6
    legacy = Path(f"/sys/fs/cgroup/cpuacct/docker/{container}/cpuacct.usage")
    return int(legacy.read_text()) / 1e9


def test_memory_and_processor_at_rest(trained: Stack, figures: Figures) -> None:
    time.sleep(20)
    before = {service: processor(trained, service) for service in LASTING}
    started = time.monotonic()
    time.sleep(REST_SECONDS)
    elapsed = time.monotonic() - started
    share = {service: (processor(trained, service) - before[service]) / elapsed for service in LASTING}
    used = {service: sum(map(memory, pids(trained, service))) for service in LASTING}
    for service in LASTING:
        figures.note(f"at rest, {service}: {used[service]:.0f} MB, {share[service]:.1%} of a core")
    figures.note(
        f"at rest, all: {sum(used.values()):.0f} MB (goal 1400), {sum(share.values()):.1%} of a core (goal 15%)"
    )
    assert sum(used.values()) < 1400
