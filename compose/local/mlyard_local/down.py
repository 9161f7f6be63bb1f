"""Stopping a stack from outside."""

import os
import signal
import time
from contextlib import suppress

from mlyard_local import processes
from mlyard_local.errors import LocalError
from mlyard_local.keeper import SWEEP_SECONDS
from mlyard_local.lock import STOP_SECONDS, is_held, lock, read_holder
from mlyard_local.state import StateFolder


def down(folder: StateFolder) -> str:
    """Stop the stack, also what a killed one has left, and return what was done as a sentence.

    Raises:
        LocalError: it has not stopped in time.
    """
    started = time.monotonic()
    if not folder.lock.exists():
        return f"nothing to stop: there is no stack in {folder.path}"
    was_up = is_held(folder)
    if was_up:
        _ask_to_stop(folder)
        while is_held(folder):
            if time.monotonic() - started > STOP_SECONDS:
                raise LocalError(f"the stack in {folder.path} has not stopped after {STOP_SECONDS} s; try again")
            time.sleep(0.1)
    with lock(folder):
        left = processes.stop(folder.path, grace=SWEEP_SECONDS)
        folder.clear()
    if not (was_up or left):
        return f"nothing to stop: the stack in {folder.path} is not up"
    return f"the stack in {folder.path} was stopped after {time.monotonic() - started:.1f} s"


def _ask_to_stop(folder: StateFolder) -> None:
    """Signal the keeper, which stops everything, or an `up` that has none yet."""
    holder = read_holder(folder)
    for pid in (holder.keeper, holder.viewer):
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                return
