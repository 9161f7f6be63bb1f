"""`/metrics`: what is counted, and which models serve in this worker."""

import time
from collections.abc import Iterator
from importlib import metadata

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from mlyard_model_api.routes.refusals import not_allowed
from mlyard_model_api.serving.models import Models, Slot
from mlyard_model_api.telemetry.metrics import NAMESPACE, Metrics

PATH = "/metrics"
MOST_CHARACTERS = 200
"""Of a reason: it is a label here, and `/models/{name}` has all of it."""


class MetricsPage:
    """ASGI: answers `/metrics` itself, before or behind the door that asks for the key."""

    def __init__(self, app: ASGIApp, models: Models, metrics: Metrics) -> None:
        """Stand before the application."""
        self._app = app
        self._metrics = metrics
        self._facts = ModelFacts(models)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        if scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "GET":
            await not_allowed("GET")(scope, receive, send)
            return
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"").decode("latin-1")
        # In a thread: the files of other workers are read for it.
        body, media_type = await run_in_threadpool(self._metrics.page, accept, self._facts)
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", media_type.encode("ascii"))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class ModelFacts(Collector):
    """The models of this worker, as they are when they are asked for: a version that is gone leaves no series."""

    def __init__(self, models: Models) -> None:
        """Nothing is looked at yet."""
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """Every family of facts."""
        build = GaugeMetricFamily(f"{NAMESPACE}_build_info", "This release.", labels=("version",))
        build.add_metric((metadata.version("mlyard-model-api"),), 1)
        yield build
        ready = "Whether this worker should get requests."
        yield GaugeMetricFamily(f"{NAMESPACE}_ready", ready, value=not self._models.not_ready())
        answers = "Whether the registry answered the last poll."
        yield GaugeMetricFamily(f"{NAMESPACE}_registry_up", answers, value=self._models.registry_problem is None)
        yield from self._of_versions([self._models.slot(name) for name in self._models.names()])
        refused = GaugeMetricFamily(
            f"{NAMESPACE}_version_refused",
            "A version that was to serve and may not, and why.",
            labels=("model", "version", "reason"),
        )
        for name, refusal in self._models.refusals().items():
            refused.add_metric((name, str(refusal.version), refusal.reason[:MOST_CHARACTERS]), 1)
        yield refused

    def _of_versions(self, slots: list[Slot]) -> Iterator[Metric]:
        labels = ("model", "version")
        info = GaugeMetricFamily(
            f"{NAMESPACE}_model_info",
            "A version that serves.",
            labels=(*labels, "alias", "engine", "task", "digest"),
        )
        age = GaugeMetricFamily(f"{NAMESPACE}_model_age_seconds", "Time since the version was trained.", labels=labels)
        trained = GaugeMetricFamily(
            f"{NAMESPACE}_model_trained_timestamp_seconds", "When the version was trained.", labels=labels
        )
        swapped = GaugeMetricFamily(
            f"{NAMESPACE}_last_swap_timestamp_seconds", "When the version came to serve.", labels=labels
        )
        for slot in slots:
            served = slot.current
            if served is None:
                continue
            reference, manifest = served.reference, served.manifest
            place = (reference.name, str(reference.version))
            info.add_metric((*place, "champion", served.engine.name, manifest.task, reference.digest), 1)
            trained.add_metric(place, manifest.trained_at.timestamp())
            age.add_metric(place, time.time() - manifest.trained_at.timestamp())
            swapped.add_metric(place, (slot.since or served.loaded_at).timestamp())
        yield from (info, age, trained, swapped)
