"""Several processes that serve as one: at one address, from one cache, with one page of metrics.

This process listens to nothing itself. It imports what the workers need, makes them by forking, so that they share the
memory of that, and makes another one where one has ended.
"""

import ctypes
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from mlyard_model_api.settings import Settings

if TYPE_CHECKING:  # the metrics' folder is set before anything is imported
    from mlyard_model_api.serving.registry_process import RegistryProcess

STOP_SECONDS = 10.0
"""A worker drains for less than this."""
PAUSE_SECONDS = 1.0
"""A worker that ended sooner than this after its start is replaced only after as long a pause."""
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
FIRST_PATIENCE_SECONDS, PATIENCE_SECONDS = 5.0, 30.0
"""So long a worker, and one that replaces another, waits for its models before it takes requests."""
_END_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG` of Linux's prctl.h."""

log = logging.getLogger(__name__)


def serve(settings: Settings) -> NoReturn:
    """Serve with several workers until a signal comes.

    Raises:
        SettingsError: nothing can listen at the address.
        CacheUnusable: the cache folder cannot be written.
    """
    # The process that asks the registry removes it, too, if this one is killed.
    folder = Path(tempfile.mkdtemp(prefix="mlyard-model-api-"))
    metrics = folder / "metrics"
    metrics.mkdir()
    os.environ[METRICS_FOLDER] = str(metrics)  # the metrics' library reads it when it is imported
    from mlyard_model_api import server
    from mlyard_model_api.access.keys import api_key
    from mlyard_model_api.serving.assembly import source_of
    from mlyard_model_api.serving.cache import Cache
    from mlyard_model_api.serving.registry_process import RegistryProcess

    try:
        server.listen(settings).close()  # nobody else may be there
        cache = Cache(settings.cache)
        cache.prepare()
        api_key(settings, cache)  # it is made once
        with _reserved(settings):
            log.info(
                "listening at http://%s:%d with %d workers, docs at /docs",
                settings.host,
                settings.port,
                settings.workers,
            )
            registry = RegistryProcess(source_of(settings), folder=folder)
            _Workers(settings, registry).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _reserved(settings: Settings) -> socket.socket:
    """The address, bound but not listened at, so that it stays ours while a worker is replaced."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((settings.host, settings.port))
    return reserved


class _Workers:
    """The workers, by their process ids."""

    def __init__(self, settings: Settings, registry: "RegistryProcess") -> None:
        self._settings = settings
        self._registry = registry
        self._started: dict[int, float] = {}
        self._is_stopping = False

    def run(self) -> None:
        """Keep as many workers as the settings say, until a signal comes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._registry.ensure()
        for _ in range(self._settings.workers):
            self._start(patience=FIRST_PATIENCE_SECONDS)
        while not self._is_stopping:
            self._registry.ensure()
            self._replace_ended()
            time.sleep(0.2)
        self._end()

    def _start(self, *, patience: float) -> None:
        worker = os.fork()
        if worker == 0:
            self._work(patience=patience)
        self._started[worker] = time.monotonic()

    def _work(self, *, patience: float) -> NoReturn:
        """Be a worker."""
        from mlyard_model_api import server
        from mlyard_model_api.app import create_app
        from mlyard_model_api.serving.registry_process import AskedRegistry

        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGTERM)
            registry = partial(AskedRegistry, self._registry.source, self._registry.address)
            server.serve(
                create_app(self._settings, registry=registry, patience=patience), self._settings, is_shared=True
            )
        # Whatever it is, nothing of the parent's may run in this process.
        except BaseException:
            log.exception("a worker could not start")
        os._exit(1)

    def _replace_ended(self) -> None:
        for worker in list(self._started):
            ended, status = os.waitpid(worker, os.WNOHANG)
            if not ended or self._is_stopping:
                continue
            lived = time.monotonic() - self._started.pop(worker)
            log.error("worker %d ended (%s) and is replaced", worker, _told(status))
            if lived < PAUSE_SECONDS:
                time.sleep(PAUSE_SECONDS)
            self._start(patience=PATIENCE_SECONDS)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _end(self) -> None:
        """Let the workers drain, and end those that do not."""
        for worker in self._started:
            os.kill(worker, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._started and time.monotonic() < deadline:
            for worker in list(self._started):
                if os.waitpid(worker, os.WNOHANG)[0]:
                    del self._started[worker]
            time.sleep(0.02)
        for worker in self._started:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
        self._registry.end()


def _told(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
