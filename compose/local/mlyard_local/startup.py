"""Starting the services in order, and seeing that each is up."""

import threading
import time
from collections.abc import Callable, Sequence

import httpx

from mlyard_local import readiness
from mlyard_local.errors import ServiceFailed
from mlyard_local.logs import last_words
from mlyard_local.progress import Progress
from mlyard_local.services import Service
from mlyard_local.state import StateFolder
from mlyard_local.supervision import Process, Supervisor

PATIENCE = 300
"""Seconds that one service may take. On a busy machine the first start, which compiles everything, takes minutes."""

LIVED = 1
"""Seconds after which a service without a probe counts as up."""


class Startup:
    """One start of all services; an `up` makes one."""

    def __init__(
        self, services: Sequence[Service], *, folder: StateFolder, supervisor: Supervisor, progress: Progress
    ) -> None:
        self._services = services
        self._folder = folder
        self._supervisor = supervisor
        self._progress = progress
        self._started: dict[str, float] = {}
        self._pids: dict[str, int] = {}
        self._log_sizes: dict[str, int] = {}
        self._up: set[str] = set()

    def run(self, wanted: Sequence[Service], check: Callable[[], None]) -> None:
        """Start these services and return when they are up. `check` is called often, and ends the start by raising.

        Raises:
            ServiceFailed: a service ended, or was not up in time.
        """
        with httpx.Client(timeout=2, trust_env=False) as client:
            while not self._up.issuperset(service.name for service in wanted):
                check()
                self._start_what_can(wanted)
                self._look(client)
                self._progress.wait_for("waiting for", [s for s in self._started if s not in self._up])
                time.sleep(0.1)

    def _start_what_can(self, wanted: Sequence[Service]) -> None:
        for service in wanted:
            if service.name not in self._started and self._up.issuperset(service.needs):
                log = self._folder.log(service.name)
                self._log_sizes[service.name] = log.stat().st_size if log.exists() else 0
                self._supervisor.start(service.name)
                self._started[service.name] = time.monotonic()

    def _look(self, client: httpx.Client) -> None:
        processes = self._supervisor.processes()
        for service in self._services:
            if service.name not in self._started:
                continue
            self._raise_if_failed(service, processes[service.name])
            if service.name not in self._up and self._is_up(service, processes[service.name], client):
                self._up.add(service.name)
                self._progress.up(service.name, service.address)
                if service.warm_up:
                    threading.Thread(target=_ask_once, args=(service.warm_up,), daemon=True).start()

    def _raise_if_failed(self, service: Service, process: Process) -> None:
        if service.one_shot and process.state == "EXITED" and process.exit_code == 0:
            return
        if not process.alive or self._pids.setdefault(service.name, process.pid) != process.pid:
            raise self._failure(service, "does not start")
        if service.name not in self._up and time.monotonic() - self._started[service.name] > PATIENCE:
            raise self._failure(service, f"was not up after {PATIENCE} s")

    def _failure(self, service: Service, fact: str) -> ServiceFailed:
        log = self._folder.log(service.name)
        words = last_words(log, since=self._log_sizes[service.name])
        return ServiceFailed(service.name, fact=fact, words=words, log=log)

    def _is_up(self, service: Service, process: Process, client: httpx.Client) -> bool:
        if service.one_shot:
            return process.state == "EXITED"
        if service.up is None:
            return time.monotonic() - self._started[service.name] > LIVED
        return not readiness.ask(service.up, client)


def _ask_once(address: str) -> None:
    try:
        httpx.get(address, timeout=60, trust_env=False)
    except httpx.HTTPError:
        return
