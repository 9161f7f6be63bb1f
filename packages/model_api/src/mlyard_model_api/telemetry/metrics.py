"""The service's own figures, for Prometheus.

With several workers `prometheus_client` keeps them in files of the folder `PROMETHEUS_MULTIPROC_DIR`, which has to be
set before this module is imported; the page of each worker then has the sum of all.
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

NAMESPACE = "mlyard_model_api"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
OPENMETRICS = "application/openmetrics-text"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
MOST_SERIES = 10_000
"""More combinations of labels are not kept apart; versions come and go, and a process may live for years."""
MOST_NOTED = 1000


_Key = tuple[str, str, int | None, int]


class Tally:
    """Figures that are noted at once and counted later, which takes a fifth of the time while a request is answered.

    Any thread may note them. Where each process writes its own into files for all, they are counted at once.
    """

    def __init__(self, count: Callable[[float], None]) -> None:
        """`count` counts one figure."""
        self._count = count
        self._noted: deque[float] = deque()
        self._is_shared = FOLDER in os.environ

    def note(self, figure: float) -> None:
        """Note one."""
        self._noted.append(figure)
        if self._is_shared or len(self._noted) > MOST_NOTED:
            self.settle()

    def settle(self) -> None:
        """Count what is noted."""
        with suppress(IndexError):
            while True:
                self._count(self._noted.popleft())


class Metrics:
    """What is counted while requests are answered; labels are looked up once, since that costs more than to count."""

    def __init__(self) -> None:
        """Begin at 0."""
        # They would be a second series for each counter, which says when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            f"{NAMESPACE}_requests",
            "Requests that were answered.",
            ("route", "model", "version", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            f"{NAMESPACE}_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            ("route", "model", "version"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._batches = Histogram(
            f"{NAMESPACE}_batch_rows",
            "Rows that a model computed at once, of one request or of several.",
            ("model", "version"),
            buckets=ROWS,
            registry=self._registry,
        )
        self._polled = Gauge(
            f"{NAMESPACE}_last_poll_timestamp_seconds",
            "When the registry last answered; of several workers, the one that has waited the longest.",
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        self._answered: dict[_Key, Tally] = {}
        self._computed: list[Tally] = []

    def answered(self, route: str, model: str, version: int | None, status: int, seconds: float) -> None:
        """Count an answer; `version` is None where none answered."""
        key = (route, model, version, status)
        (self._answered.get(key) or self._tally(key)).note(seconds)

    def batches(self, model: str, version: str) -> Callable[[float], None]:
        """What to call with the number of rows, whenever a version has computed some."""
        tally = Tally(self._batches.labels(model, version).observe)
        self._computed.append(tally)
        return tally.note

    def polled(self) -> None:
        """Note that the registry has answered just now."""
        self._polled.set_to_current_time()

    def page(self, accept: str, facts: Collector) -> tuple[bytes, str]:
        """The page in the form that a client accepts, and its media type; `facts` are this worker's own."""
        for tally in (*self._answered.copy().values(), *self._computed):
            tally.settle()
        registry = CollectorRegistry()
        if folder := os.environ.get(FOLDER):
            _forget_dead(Path(folder))
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self._registry)
        registry.register(facts)
        if OPENMETRICS in accept:
            content: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
            return content, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

    def _tally(self, key: _Key) -> Tally:
        if len(self._answered) >= MOST_SERIES:
            key = (key[0], "", None, key[3])
        route, model, version, status = key
        number = "" if version is None else str(version)
        count = self._requests.labels(route, model, number, status).inc
        observe = self._seconds.labels(route, model, number).observe

        def both(seconds: float) -> None:
            count()
            observe(seconds)

        return self._answered.setdefault(key, Tally(both))


def _forget_dead(folder: Path) -> None:
    """Take the gauges of workers away that have ended; their counters stay."""
    for file in folder.glob("gauge_live*.db"):
        worker = int(file.stem.rpartition("_")[2])
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            mark_process_dead(worker, str(folder))  # type: ignore[no-untyped-call]
