"""The figures of one process, and of several that share a folder."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlyard_model_api.telemetry import metrics as metrics_module
from mlyard_model_api.telemetry.metrics import FOLDER, Metrics
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

ROUTE = "/models/{name}/predict"


Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(page: bytes) -> Samples:
    """Each value by its name and the values of its labels, in the order of their names."""
    families = text_string_to_metric_families(page.decode())
    return {(s.name, tuple(s.labels[name] for name in sorted(s.labels))): s.value for f in families for s in f.samples}


def page(metrics: Metrics) -> Samples:
    content, media_type = metrics.page("", CollectorRegistry())
    assert media_type == "text/plain; version=0.0.4; charset=utf-8"
    return samples(content)


def test_requests_are_counted_by_route_model_version_and_status() -> None:
    metrics = Metrics()
    metrics.answered(ROUTE, "prices", 3, 200, 0.002)
    metrics.answered(ROUTE, "prices", 3, 200, 0.2)
    metrics.answered(ROUTE, "prices", 3, 422, 0.0001)
    found = page(metrics)
    assert found["mlyard_model_api_requests_total", ("prices", ROUTE, "200", "3")] == 2
    assert found["mlyard_model_api_requests_total", ("prices", ROUTE, "422", "3")] == 1
    duration = "mlyard_model_api_request_duration_seconds"
    assert found[f"{duration}_count", ("prices", ROUTE, "3")] == 3
    assert found[f"{duration}_bucket", ("0.0005", "prices", ROUTE, "3")] == 1
    assert found[f"{duration}_bucket", ("0.0025", "prices", ROUTE, "3")] == 2
    assert 0.2 < found[f"{duration}_sum", ("prices", ROUTE, "3")] < 0.21


def test_batches_are_counted_by_their_rows() -> None:
    metrics = Metrics()
    observe = metrics.batches("prices", "3")
    observe(1)
    observe(9)
    found = page(metrics)
    assert found["mlyard_model_api_batch_rows_bucket", ("1.0", "prices", "3")] == 1
    assert found["mlyard_model_api_batch_rows_bucket", ("16.0", "prices", "3")] == 2
    assert found["mlyard_model_api_batch_rows_sum", ("prices", "3")] == 10


def test_the_last_poll_is_a_time() -> None:
    metrics = Metrics()
    before = time.time()
    metrics.polled()
    assert before <= page(metrics)["mlyard_model_api_last_poll_timestamp_seconds", ()] <= time.time()


def test_series_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "MOST_SERIES", 10)
    metrics = Metrics()
    for number in range(15):
        metrics.answered(ROUTE, "prices", number, 200, 0.001)
    found = page(metrics)
    assert found["mlyard_model_api_requests_total", ("", ROUTE, "200", "")] == 5
    assert sum(name == "mlyard_model_api_requests_total" for name, _ in found) == 10 + 1


def test_openmetrics_is_answered_to_who_asks_for_it() -> None:
    content, media_type = Metrics().page(
        "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1", CollectorRegistry()
    )
    assert media_type.startswith("application/openmetrics-text")
    assert content.endswith(b"# EOF\n")


WORKER = """
import sys, time
from mlyard_model_api.telemetry.metrics import Metrics
metrics = Metrics()
for _ in range(3):
    metrics.answered("/", "prices", 3, 200, 0.001)
metrics.batches("prices", "3")(5)
metrics.polled()
print(time.time(), flush=True)
sys.stdin.read()
"""
READER = """
import sys
from mlyard_model_api.telemetry.metrics import Metrics
from prometheus_client import CollectorRegistry
metrics = Metrics()
metrics.polled()
sys.stdout.buffer.write(metrics.page("", CollectorRegistry())[0])
"""


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[float]:
    """Runs a worker; yields when it last heard of the registry."""
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield float(process.stdout.readline())
        process.communicate()


def test_one_page_has_the_figures_of_all_workers(tmp_path: Path) -> None:
    environment = os.environ | {FOLDER: str(tmp_path)}
    requests = ("mlyard_model_api_requests_total", ("prices", "/", "200", "3"))
    polled = ("mlyard_model_api_last_poll_timestamp_seconds", ())

    def found() -> Samples:
        read = subprocess.run([sys.executable, "-c", READER], env=environment, capture_output=True, check=True)
        return samples(read.stdout)

    with worker(environment):
        with worker(environment) as late:
            page = found()
            assert page[requests] == 6
            assert page["mlyard_model_api_batch_rows_sum", ("prices", "3")] == 10
            assert page[polled] < late
        # The counts of a worker that ended stay, and its last poll is of no account.
        assert found()[requests] == 6
    with worker(environment) as latest:
        page = found()
        assert page[requests] == 9
        assert page[polled] >= latest - 0.1
