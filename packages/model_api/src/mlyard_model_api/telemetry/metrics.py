"""The service's own figures, for Prometheus.

With several workers `prometheus_client` keeps them in files of the folder `PROMETHEUS_MULTIPROC_DIR`, which has to be
set before this module is imported; the page of each worker then has the sum of all.
"""

import os
from collections.abc import Callable
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


_Key = tuple[str, str, int | None, int]
_Count = tuple[Callable[[], None], Callable[[float], None]]


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
        self._counts: dict[_Key, _Count] = {}

    def answered(self, route: str, model: str, version: int | None, status: int, seconds: float) -> None:
        """Count an answer; `version` is None where none answered."""
        key = (route, model, version, status)
        found = self._counts.get(key)
        if found is None:
            found = self._count(key)
        count, observe = found
        count()
        observe(seconds)

    def batches(self, model: str, version: str) -> Callable[[float], None]:
        """What to call with the number of rows, whenever a version has computed some."""
        return self._batches.labels(model, version).observe

    def polled(self) -> None:
        """Note that the registry has answered just now."""
        self._polled.set_to_current_time()

    def page(self, accept: str, facts: Collector) -> tuple[bytes, str]:
        """The page in the form that a client accepts, and its media type; `facts` are this worker's own."""
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

    def _count(self, key: _Key) -> _Count:
        if len(self._counts) >= MOST_SERIES:
            key = (key[0], "", None, key[3])
        route, model, version, status = key
        number = "" if version is None else str(version)
        counter = self._requests.labels(route, model, number, status)
        self._counts[key] = found = (counter.inc, self._seconds.labels(route, model, number).observe)
        return found


def _forget_dead(folder: Path) -> None:
    """Take the gauges of workers away that have ended; their counters stay."""
    for file in folder.glob("gauge_live*.db"):
        worker = int(file.stem.rpartition("_")[2])
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            mark_process_dead(worker, str(folder))  # type: ignore[no-untyped-call]
