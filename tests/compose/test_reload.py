"""The reloader of the overlay for development, with a small program in place of a service."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "compose/dev/reload.py"


class Reloader:
    """A running reloader whose command appends to a file what its source says, and to another its process id."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source/program.py"
        self.source.parent.mkdir()
        self.contracts = folder / "contracts"
        self.contracts.mkdir()
        self.said, self.pids = folder / "said", folder / "pids"
        self.said.touch()
        self.pids.touch()
        self.errors = folder / "errors"
        self.write("first")

    def start(self) -> None:
        with self.errors.open("w") as errors:
            watched = f"{self.source.parent}:{self.contracts}"
            command = [sys.executable, str(PROGRAM), watched, sys.executable, str(self.source)]
            self.process = subprocess.Popen(command, stderr=errors)

    def write(self, word: str, *, first: str = "", then: str = "time.sleep(60)") -> None:
        """Save the program in one step, as a half-written one would be started too."""
        draft = self.said.with_name("draft")
        draft.write_text(
            f"import os, signal, time\n"
            f"def append(file, word):\n    with open(file, 'a') as stream:\n        stream.write(f'{{word}} ')\n"
            f"{first}\n"
            f"append({str(self.pids)!r}, os.getpid())\nappend({str(self.said)!r}, {word!r})\n{then}\n"
        )
        draft.replace(self.source)

    def heard(self, words: str) -> bool:
        return self.said.read_text().split() == words.split()

    def running(self) -> int:
        """How many of the started commands have not ended."""
        return sum(alive(int(pid)) for pid in self.pids.read_text().split())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def reloader(tmp_path: Path) -> Iterator[Reloader]:
    reloader = Reloader(tmp_path)
    reloader.start()
    try:
        wait_for(lambda: reloader.heard("first"))
        yield reloader
    finally:
        reloader.process.send_signal(signal.SIGTERM)
        reloader.process.wait(15)


def test_a_saved_a_new_and_a_removed_file_each_start_it_again(reloader: Reloader) -> None:
    reloader.write("second")
    wait_for(lambda: reloader.heard("first second"))
    other = reloader.source.with_name("other.py")
    other.touch()
    wait_for(lambda: reloader.heard("first second second"))
    other.unlink()
    wait_for(lambda: reloader.heard("first second second second"))
    assert "program.py changed" in reloader.errors.read_text()
    assert reloader.running() == 1


def test_a_save_in_a_folder_of_the_sources_counts_too(reloader: Reloader) -> None:
    package = reloader.source.parent / "package/module.py"
    package.parent.mkdir()
    package.touch()
    wait_for(lambda: reloader.heard("first first"))


def test_a_save_in_another_of_the_folders_counts_too(reloader: Reloader) -> None:
    (reloader.contracts / "module.py").touch()
    wait_for(lambda: reloader.heard("first first"))


def test_what_python_compiles_and_editors_leave_is_no_change(reloader: Reloader) -> None:
    cache = reloader.source.with_name("__pycache__")
    cache.mkdir()
    (cache / "program.pyc").touch()
    for name in (".program.py.swp", "program.py~", ".#program.py"):
        reloader.source.with_name(name).touch()
    time.sleep(1.5)
    assert reloader.heard("first")


def test_a_command_that_ends_waits_for_the_next_save(reloader: Reloader) -> None:
    reloader.write("second", then="raise SystemExit(3)")
    wait_for(lambda: "ended with 3; waiting for a change" in reloader.errors.read_text())
    assert reloader.errors.read_text().count("ended with 3") == 1
    reloader.write("third")
    wait_for(lambda: reloader.heard("first second third"))


def test_sigterm_reaches_the_command_and_ends_both(reloader: Reloader) -> None:
    goodbye = f"signal.signal(signal.SIGTERM, lambda *_: (append({str(reloader.said)!r}, 'goodbye'), os._exit(0)))"
    reloader.write("second", first=goodbye)
    wait_for(lambda: reloader.heard("first second"))
    reloader.process.send_signal(signal.SIGTERM)
    assert reloader.process.wait(5) == 0
    assert reloader.heard("first second goodbye")
    assert reloader.running() == 0


def test_sigterm_after_the_command_ended_ends_it_too(reloader: Reloader) -> None:
    reloader.write("second", then="raise SystemExit(3)")
    wait_for(lambda: "ended with 3" in reloader.errors.read_text())
    reloader.process.send_signal(signal.SIGTERM)
    assert reloader.process.wait(5) == 0


def test_a_command_that_ignores_sigterm_is_killed(reloader: Reloader) -> None:
    reloader.write("deaf", first="signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    wait_for(lambda: reloader.heard("first deaf"))
    reloader.process.send_signal(signal.SIGTERM)
    assert reloader.process.wait(10) == 0, "Docker kills a container after 10 s"
    assert reloader.running() == 0
