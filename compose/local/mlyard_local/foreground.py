"""What `up` is: the stack in the foreground, from its first service until something ends it."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn, Protocol

import psutil

from mlyard_local import processes, supervision
from mlyard_local.errors import ServiceFailed, StateError, StateFull, SupervisorLost, SupervisorSilent, TrainingFailed
from mlyard_local.interruption import Interrupted, Interruptions
from mlyard_local.keeper import SWEEP_SECONDS, Keeper
from mlyard_local.lock import STOP_SECONDS, lock
from mlyard_local.progress import Progress
from mlyard_local.services import Service
from mlyard_local.startup import Startup
from mlyard_local.state import StateFolder
from mlyard_local.supervision import Supervisor


class Plan(Protocol):
    """What is to run. Every method ends the `up` by raising a LocalError."""

    def check(self) -> None:
        """Check that everything that the stack needs is there, before anything is started."""

    def services(self, progress: Progress) -> Sequence[Service]:
        """Return the services, when their environments are there."""

    def train(self, progress: Progress, check: Callable[[], None]) -> None:
        """Do what the stack is brought up for, once all services but the late ones are up; call `check` often."""

    def finish(self, progress: Progress, check: Callable[[], None]) -> None:
        """Show what there is, once all services are up; call `check` often."""


class StoppedElsewhere(Exception):
    """`hatch run down` stopped the stack, or the terminal's program is gone."""


def run(folder: StateFolder, plan: Plan, progress: Progress) -> int:
    """Bring the stack up, stay until it is stopped, and return the exit code: 0 when it was complete.

    Raises:
        LocalError: something keeps the stack from running; what had been started is stopped.
    """
    folder.prepare()
    with lock(folder) as held, Interruptions() as interruptions:
        try:
            if left := processes.stop(folder.path, grace=SWEEP_SECONDS):
                progress.say("recovered", f"{left} processes of a killed stack were stopped")
            folder.clear()
            plan.check()
            return Foreground(folder, plan, progress, Keeper(folder, held)).run(interruptions)
        except Interrupted as interrupted:
            return 128 + interrupted.signal


class Foreground:
    """One `up` from the start of its keeper to its end."""

    def __init__(self, folder: StateFolder, plan: Plan, progress: Progress, keeper: Keeper) -> None:
        self._folder = folder
        self._plan = plan
        self._progress = progress
        self._keeper = keeper
        self._caller = _hatch_process()
        self._complete = False

    def run(self, interruptions: Interruptions) -> int:
        """Return the exit code when the stack has stopped."""
        try:
            self._until_stopped()
        except Interrupted as interrupted:
            return 0 if self._complete else 128 + interrupted.signal
        except StoppedElsewhere:
            return 0
        except (ServiceFailed, SupervisorLost, SupervisorSilent, TrainingFailed) as error:
            if self._folder.is_full():  # the log, which would say so, is on the same disk
                raise StateFull(self._folder.path) from error
            raise
        finally:
            interruptions.hold()
            self._stop()

    def _until_stopped(self) -> NoReturn:
        try:
            services = self._plan.services(self._progress)
            self._write(services)
            with supervision.connect(self._folder) as supervisor:
                self._wait_for(supervisor)
                startup = Startup(services, folder=self._folder, supervisor=supervisor, progress=self._progress)
                startup.run([service for service in services if not service.late], self.check)
                self._plan.train(self._progress, self.check)
                startup.run(services, self.check)
                self._plan.finish(self._progress, self.check)
                self._complete = True
                self._watch(supervisor)
        except SupervisorSilent:
            self._let_keeper_end()
            raise

    def check(self) -> None:
        """Raise when the stack has ended or should end: StoppedElsewhere, or SupervisorLost."""
        if self._keeper.stopped() or (self._caller is not None and not _lives(self._caller)):
            raise StoppedElsewhere

    def _write(self, services: Sequence[Service]) -> None:
        try:
            supervision.write(self._folder, services)
        except OSError as error:
            raise StateError.of(self._folder.run, error) from error

    def _wait_for(self, supervisor: Supervisor) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            self.check()
            try:
                supervisor.processes()
            except SupervisorSilent:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _watch(self, supervisor: Supervisor) -> NoReturn:
        """Report each service that ends and is started again, for ever."""
        known = supervisor.processes()
        while True:
            self.check()
            time.sleep(0.5)
            for name, process in supervisor.processes().items():
                if process.alive and process.pid != known[name].pid:
                    self._progress.say(name, f"had ended and was started again as process {process.pid}")
                if process.state == "FATAL" and known[name].state != "FATAL":
                    self._progress.say(name, f"keeps ending; the others run on (log: {self._folder.log(name)})")
                if process.alive or process.state == "FATAL":
                    known[name] = process

    def _let_keeper_end(self) -> None:
        """Wait for a keeper that may be stopping everything, and raise its reason."""
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            self.check()
            time.sleep(0.1)

    def _stop(self) -> None:
        started = time.monotonic()
        with suppress(OSError):  # the terminal may be gone
            self._progress.pause()
            self._progress.say("stopping", "every service; this takes a few seconds")
        self._keeper.stop()
        with suppress(OSError):
            self._progress.say("stopped", f"after {time.monotonic() - started:.1f} s")


def _hatch_process() -> psutil.Process | None:
    """Return the `hatch run` that called this process, if one did: when it is killed, nobody waits for the stack."""
    if "HATCH_ENV_ACTIVE" not in os.environ:
        return None
    for parent in psutil.Process().parents()[:2]:
        try:
            if any("hatch" in part for part in parent.cmdline()[:3]):
                return parent
        except psutil.Error:
            continue
    return None


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
