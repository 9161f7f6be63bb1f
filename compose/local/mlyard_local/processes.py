"""The processes of a stack: what they start from, how a variable that each inherits finds them, and how they end."""

import os
import time
from pathlib import Path

import psutil

MARK = "MLYARD_STACK"
"""Holds the absolute state folder in the environment of each process of the stack."""

FOREIGN = (
    "HATCH_ENV",
    "HATCH_UV",
    "UV_CONSTRAINT",
    "UV_BUILD_CONSTRAINT",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
    "BACKEND_STORE_URI",
    "ARTIFACT_ROOT",
)
"""Variables of the calling environment, and of MLflow tutorials, that are not for a service: without bytecode
each start compiles for half a minute."""

STOP_SECONDS = 6
"""How long a service may take to end on SIGTERM."""


def environment(folder: Path) -> dict[str, str]:
    """Return the environment that every process of the stack starts from, with the stack's mark in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    if venv := os.environ.get("VIRTUAL_ENV"):
        kept["PATH"] = os.pathsep.join(p for p in kept.get("PATH", "").split(os.pathsep) if p != f"{venv}/bin")
    local = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1", "localhost"]))
    # Airflow names its processes, which overwrites their environment, and with it the mark, unless SPT_NOENV is set.
    return kept | {MARK: str(folder), "NO_PROXY": local, "no_proxy": local, "SPT_NOENV": "1"}


def marked(folder: Path) -> list[psutil.Process]:
    """Return the living processes of the stack in this folder, but not the caller."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _is_marked(process, folder)]


def stop(folder: Path, *, grace: float) -> int:
    """End the stack's processes, by SIGKILL what is left `grace` seconds after SIGTERM, and return how many there were.

    A supervisor among them takes SIGTERM as well, so that it starts nothing again. Processes that appear meanwhile are
    ended too.
    """
    asked: set[psutil.Process] = set()
    deadline = time.monotonic() + grace
    while left := marked(folder):
        late = time.monotonic() > deadline
        for process in left:
            if late or process not in asked:
                _signal(process, kill=late)
                asked.add(process)
        if time.monotonic() > deadline + grace:
            break
        time.sleep(0.05)
    return len(asked)


def holder_of_port(port: int) -> str | None:
    """Return "name, process 1234" of who listens on a TCP port, where the system tells."""
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
                return f"{process.name()}, process {process.pid}"
        except (psutil.Error, OSError):
            continue
    return None


def _is_marked(process: psutil.Process, folder: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(folder))
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.Error:
        return
