"""The keeper: a process apart from the terminal that runs supervisor for as long as its `up` lives.

Its standard input is the lifeline, a pipe whose other end only `up` has: whatever ends `up`, SIGKILL included, the
keeper reads the end of the pipe. It holds the folder's lock together with `up`, so that no second stack starts before
this one is stopped.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from mlyard_local import processes
from mlyard_local.errors import SupervisorLost
from mlyard_local.lock import STOP_SECONDS, Holder, Lock
from mlyard_local.state import StateFolder

SUPERVISOR_SECONDS = processes.STOP_SECONDS + 2
SWEEP_SECONDS = 2
"""With what the supervisor takes and the SIGKILLs after it, less than the 15 seconds that a stop may last."""

LOST = 3
"""Exit code of a keeper whose supervisor ended by itself."""


class Keeper:
    """The keeper as its `up` sees it."""

    def __init__(self, folder: StateFolder, lock: Lock) -> None:
        """Start it. It is ready when the supervisor answers."""
        self._folder = folder
        self._log = folder.log("keeper")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(folder.path), str(lock.descriptor)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(lock.descriptor,),
                start_new_session=True,
            )
        lock.record(Holder(viewer=os.getpid(), keeper=self._process.pid))

    def stopped(self) -> bool:
        """Return whether the stack was stopped from outside, with `hatch run down`.

        Raises:
            SupervisorLost: the supervisor or the keeper was killed; nothing is left running.
        """
        code = self._process.poll()
        if code is None:
            return False
        if code == 0:
            return True
        self._sweep()
        raise SupervisorLost("supervisor" if code == LOST else "keeper of the stack", self._log)

    def stop(self) -> None:
        """Stop everything and return when it is stopped."""
        assert self._process.stdin is not None  # noqa: S101  Popen got PIPE
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode:
            self._sweep()

    def _sweep(self) -> None:
        """Do what the keeper could not."""
        processes.stop(self._folder.path, grace=SWEEP_SECONDS)
        self._folder.clear()


def main() -> None:
    """Run as `python -m mlyard_local.keeper FOLDER LOCK`, where LOCK is the number of an inherited descriptor."""
    folder, lock = StateFolder(Path(sys.argv[1])), Lock(int(sys.argv[2]))
    os.set_inheritable(lock.descriptor, False)
    asked = _Asked()
    supervisor: subprocess.Popen[bytes] | None = None
    lost = False
    while not (lost or asked.to_stop()):
        if supervisor is None and folder.configuration.exists():
            supervisor = _start_supervisor(folder)
        lost = supervisor is not None and supervisor.poll() is not None
    lock.record(Holder(keeper=os.getpid(), stopping=True))
    _stop(supervisor, folder)
    lock.record(Holder())
    sys.exit(LOST if lost else 0)


class _Asked:
    """Whether the keeper should stop: SIGTERM, or the end of the lifeline."""

    def __init__(self) -> None:
        self._signalled = False
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True

    def to_stop(self) -> bool:
        """Answer after a fifth of a second at the latest."""
        readable, _, _ = select.select([sys.stdin.fileno()], [], [], 0.2)
        return self._signalled or (bool(readable) and not os.read(sys.stdin.fileno(), 1))


def _start_supervisor(folder: StateFolder) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(folder.configuration)],
        cwd=folder.run,
        env=processes.environment(folder.path) | {"MLYARD_SOCKET": str(folder.socket)},
        stdin=subprocess.DEVNULL,
        umask=0o077,
    )


def _stop(supervisor: subprocess.Popen[bytes] | None, folder: StateFolder) -> None:
    """Let the supervisor stop its services, then end what is left."""
    if supervisor is not None:
        supervisor.terminate()
        with suppress(subprocess.TimeoutExpired):
            supervisor.wait(SUPERVISOR_SECONDS)
    processes.stop(folder.path, grace=SWEEP_SECONDS)
    folder.clear()


if __name__ == "__main__":
    main()
