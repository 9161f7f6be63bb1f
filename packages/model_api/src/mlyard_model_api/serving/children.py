"""Work in a process of its own, which can be stopped, and which the kernel ends first where memory is short."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

WATCH_SECONDS = 0.1


class ChildEnded(Exception):
    """A process ended without a result."""

    def __init__(self, reason: str, *, number: int = 0) -> None:
        """`number` is the signal that ended it, 0 where it ended by itself."""
        self.number = number
        super().__init__(reason)


class TooLong(Exception):
    """A process was stopped since its time was over."""


def run(module: str, task: dict[str, Any], *, seconds: float, watch: Callable[[], None] = lambda: None) -> Any:
    """Run a module's `work` in a process of its own and return what it returns.

    Args:
        module: a module that calls `work_for_parent`.
        task: what it gets, as JSON.
        seconds: how long it may take.
        watch: is called again and again meanwhile; what it raises stops the process.

    Raises:
        TooLong: its time was over.
        ChildEnded: it ended without a result; says why.
    """
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryFile() as errors:
        # In a session of its own it gets no Ctrl-C that is meant for this process.
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            _send(process, json.dumps(task).encode() + b"\n")
            while process.poll() is None:
                watch()
                if time.monotonic() > deadline:
                    raise TooLong
                _wait(process, min(WATCH_SECONDS, max(0.0, deadline - time.monotonic())))
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            result = process.stdout.read()
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(BrokenPipeError):  # it ended before it read its task
                        stream.close()
        if process.returncode != 0:
            raise _ended(process.returncode, errors)
    try:
        return json.loads(result)
    except ValueError:
        raise ChildEnded("it gave no result") from None


def work_for_parent(work: Callable[[dict[str, Any]], Any]) -> None:
    """Be the process: do the work of the one task on standard input, and end with it or with the parent."""
    # What libraries print goes to the errors; the result alone goes to the parent.
    result = os.dup(1)
    os.dup2(2, 1)
    with suppress(OSError):  # on another system the kernel chooses by itself
        Path("/proc/self/oom_score_adj").write_text("1000")
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    content = json.dumps(work(task)).encode()
    while content:
        content = content[os.write(result, content) :]
    os._exit(0)


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing more is sent: it returns when the parent has ended
    os._exit(1)


def _send(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError):  # it has ended already, and its exit code says how
        process.stdin.write(line)
        process.stdin.flush()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _ended(code: int, errors: Any) -> ChildEnded:
    if code < 0:
        return ChildEnded(f"the process was ended by {signal.Signals(-code).name}", number=-code)
    errors.seek(0)
    lines = errors.read()[-10_000:].decode(errors="replace").strip().splitlines()
    return ChildEnded(f"the process failed: {lines[-1][:300] if lines else f'exit code {code}'}")
