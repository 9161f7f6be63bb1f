import gc
import resource
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from mlyard_model_api.serving import memory

MIB = 1024**2
Files = dict[str, str | int]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel whose files are in a folder: a machine with 8 GiB, of which 6 are free."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "PROCESS", tmp_path / "self")
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "meminfo")
    (tmp_path / "self").mkdir()
    (tmp_path / "meminfo").write_text(f"MemTotal: {8 * 1024**2} kB\nMemAvailable: {6 * 1024**2} kB\nHugePages: 0\n")
    return tmp_path


def group(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")


V2: Files = {
    "memory.max": 600 * MIB,
    "memory.current": 500 * MIB,
    "memory.stat": f"inactive_file {80 * MIB}\nactive_file 0",
}
V1: Files = {
    "memory.limit_in_bytes": 600 * MIB,
    "memory.usage_in_bytes": 500 * MIB,
    "memory.stat": f"cache 1\ntotal_inactive_file {60 * MIB}\ntotal_active_file {20 * MIB}",
}


@pytest.mark.parametrize(
    ("line", "place", "files"),
    [
        pytest.param("0::/", ".", V2, id="version 2 in a container"),
        pytest.param("0::/system.slice/api.service", "system.slice/api.service", V2, id="version 2 of a service"),
        pytest.param("0::/system.slice/api.service", "system.slice", V2, id="version 2 around it"),
        pytest.param("4:memory:/docker/0a1b", "memory", V1, id="version 1 in a container"),
        pytest.param("4:memory:/docker/0a1b", "memory/docker/0a1b", V1, id="version 1 on the host"),
    ],
)
def test_the_limit_of_a_control_group_holds_and_pages_of_files_are_free(
    machine: Path, line: str, place: str, files: Files
) -> None:
    (machine / "self/cgroup").write_text(f"3:cpuset:/\n{line}\n")
    group(machine / "cgroup" / place, files)
    assert memory.limit() == 600 * MIB
    assert memory.free() == 180 * MIB


def test_without_a_limit_the_machine_is_the_limit(machine: Path) -> None:
    (machine / "self/cgroup").write_text("0::/\n4:memory:/\n")
    group(machine / "cgroup", V2 | {"memory.max": "max"})
    group(machine / "cgroup/memory", V1 | {"memory.limit_in_bytes": 9223372036854771712})
    assert memory.free() == 6 * 1024**3
    assert memory.limit() > 0


def test_a_system_without_such_files_has_a_limit_too(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert memory.free() == memory.limit() > 0
    assert memory.peak() == 0


def test_the_limit_of_a_process_holds() -> None:
    limit = 2 * 1024**3
    code = (
        "from mlyard_model_api.serving import memory\n"
        "before = memory.free()\n"
        "held = bytearray(300 * 1024**2)\n"
        "print(memory.limit(), before - memory.free())"
    )

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-c", code], preexec_fn=restrict, capture_output=True, text=True, check=True, timeout=60
    )
    found, held = map(int, done.stdout.split())
    assert found == limit
    assert 290 * MIB < held < 320 * MIB


def test_the_peak_is_this_processs_own() -> None:
    held = bytearray(200 * MIB)
    code = "from mlyard_model_api.serving import memory; print(memory.peak())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert memory.peak() > len(held) > int(done.stdout) > 0


class Cycle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.settles
def test_what_is_here_is_looked_through_no_more_and_found_later_all_the_same() -> None:
    cycle = Cycle()
    found = weakref.ref(cycle)
    try:
        memory.settle()
        assert gc.get_freeze_count() > 1000
        del cycle
        gc.collect()
        assert found() is not None
        memory.settle()
        assert found() is None
    finally:
        gc.unfreeze()
