"""An `up` with stub services in a process of its own, as a terminal would start it."""

import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlyard_local import processes
from mlyard_local.lock import read_holder
from mlyard_local.state import StateFolder

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], object], *, seconds: float = 15) -> float:
    """Return how many seconds it took until the condition held."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - started


class StubStack:
    """One state folder, and the `up` processes that were started on it."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = StateFolder(tmp_path / "state of it's 100% #1 ; own")
        self.output = tmp_path / "up.out"
        self.services: list[dict[str, Any]] = []
        self._file = tmp_path / "services.json"
        self._started: list[subprocess.Popen[bytes]] = []
        self._terminals: list[int] = []

    def web(self, name: str = "web", *, child: bool = False, **more: Any) -> int:
        """Add a service with a port, and return the port."""
        port = free_port()
        arguments = [str(HERE / "stub_service.py"), str(port), *(["--child"] if child else [])]
        self.services.append({"name": name, "arguments": arguments, "port": port, **more})
        return port

    def python(self, name: str, code: str, **more: Any) -> None:
        """Add a service that runs a line of Python."""
        self.services.append({"name": name, "arguments": ["-c", code], **more})

    def up(self) -> "subprocess.Popen[bytes]":
        with self.output.open("ab") as output:
            process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self._started.append(process)
        return process

    def up_complete(self) -> "subprocess.Popen[bytes]":
        """Start `up` and wait until all services are up."""
        self.output.write_text("")
        process = self.up()
        wait_until(lambda: "complete" in self.said() or process.poll() is not None)
        assert process.poll() is None, self.said()
        return process

    def up_in_terminal(self) -> "tuple[subprocess.Popen[bytes], int]":
        """Start `up` in a terminal of its own; return it and the terminal's other end."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", TERMINAL, *self._command()], stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        os.set_blocking(ours, False)
        self._started.append(process)
        self._terminals.append(ours)
        return process, ours

    @property
    def first(self) -> "subprocess.Popen[bytes]":
        """The `up` that was started first."""
        return self._started[0]

    def close(self, terminal: int) -> None:
        self._terminals.remove(terminal)
        os.close(terminal)

    def said(self) -> str:
        return self.output.read_text()

    def keeper(self) -> psutil.Process:
        return psutil.Process(read_holder(self.folder).keeper)

    def supervisor(self) -> psutil.Process:
        return next(child for child in self.keeper().children() if "supervisor.supervisord" in child.cmdline())

    def processes(self) -> list[psutil.Process]:
        """Return what runs for this stack, the keeper included."""
        keeper = read_holder(self.folder).keeper
        there = [psutil.Process(keeper)] if keeper and psutil.pid_exists(keeper) else []
        return processes.marked(self.folder.path) + there

    def end(self) -> None:
        for terminal in self._terminals:
            os.close(terminal)
        for process in self._started:
            process.kill()
            process.wait()
        if self.folder.lock.exists():
            wait_until(lambda: not self.processes() or processes.stop(self.folder.path, grace=0) < 0, seconds=20)

    def _command(self) -> list[str]:
        self._file.write_text(json.dumps(self.services))
        return [sys.executable, str(HERE / "stub_up.py"), str(self.folder.path), str(self._file)]


def call(stack: StubStack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of the commands on the stack's folder, as `hatch run` does."""
    command = [sys.executable, "-m", "mlyard_local", *arguments]
    environment = os.environ | {"MLYARD_STATE": str(stack.folder.path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the controlling terminal of a new session, as a terminal program does."""


def read_terminal(terminal: int) -> str:
    """Return what is in the terminal now."""
    try:
        return os.read(terminal, 100_000).decode()
    except BlockingIOError:
        return ""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[StubStack]:
    stubs = StubStack(tmp_path)
    try:
        yield stubs
    finally:
        stubs.end()


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.prepare()
    return made


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MLYARD_"):
            monkeypatch.delenv(name)
