import os
from pathlib import Path

from mlyard_training_pipeline.candidates import memory

INSTALLED = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_the_smallest_limit_of_the_control_groups_holds(tmp_path: Path) -> None:
    own = tmp_path / "system" / "task"
    own.mkdir(parents=True)
    (own / "memory.max").write_text("max\n")
    (own.parent / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.max").write_text("2000000\n")
    assert memory.limit("0::/system/task\n", tmp_path) == 1_000_000


def test_without_control_groups_it_is_what_is_built_in(tmp_path: Path) -> None:
    assert memory.limit("", tmp_path) <= INSTALLED
    assert memory.limit("1:name=systemd:/\n", tmp_path) > 0


def test_this_machine_has_memory() -> None:
    assert 0 < memory.limit() <= INSTALLED
