"""The parts that bring models to serve, put together as the settings say."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from importlib import metadata

from mlyard_model_api.serving import memory
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.download import Limits
from mlyard_model_api.serving.follower import Place
from mlyard_model_api.serving.followers import Followers
from mlyard_model_api.serving.history import Histories
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.loading import Budget, Loader
from mlyard_model_api.serving.marks import Marks
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.registry import Registry
from mlyard_model_api.serving.registry_process import AskedRegistry, RegistryProcess, Source
from mlyard_model_api.serving.turns import Turns
from mlyard_model_api.serving.watch import Watch
from mlyard_model_api.settings import Settings
from mlyard_model_api.telemetry.metrics import Metrics

DOWNLOADS = 4
"""So many run at the same time: each is a process of 100 MB."""


def assemble(
    settings: Settings,
    models: Models,
    cache: Cache,
    *,
    registry: Callable[[], Registry] | None = None,
    clock: Callable[[], float] = time.monotonic,
    metrics: Metrics | None = None,
) -> Watch:
    """Make the watch of the registry, and all that it sets in motion; nothing runs yet.

    Args:
        settings: the service's settings.
        models: where the versions come to serve.
        cache: a prepared cache folder.
        registry: connects to the registry, in the watch's thread; by default to the settings' one.
        clock: the seconds by which a version that was refused is tried again.
        metrics: where polls and what versions compute are counted.

    Raises:
        SettingsError: the registry's account is given by half.
    """
    metrics = metrics or Metrics()
    source = source_of(settings)
    marks = Marks(cache.folder, release=metadata.version("mlyard-model-api"), limit_bytes=memory.limit())
    loader = Loader(
        models,
        marks,
        Turns(),
        budget=Budget(settings.trial_seconds, settings.latency_budget_ms),
        lane=lambda name: Lane(name, rows=settings.queue_rows),
        counter=metrics.batches,
    )
    place = Place(models, cache, Histories(cache), loader, Turns(DOWNLOADS), clock)
    retention = timedelta(days=settings.retention_days)
    followers = Followers(place)
    return Watch(
        followers,
        registry or partial(_start, source),
        seconds=settings.poll_seconds,
        retention=retention,
        polled=metrics.polled,
    )


def source_of(settings: Settings) -> Source:
    """The registry of the settings; raises `SettingsError` where its account is given by half."""
    limits = Limits(settings.download_seconds, settings.download_bytes)
    return Source(settings.registry_uri, settings.registry_account, limits)


def _start(source: Source) -> Registry:
    process = RegistryProcess(source)
    return AskedRegistry(source, process.address, ensure=process.ensure)
