"""The watch without its threads: a poll, then a step of each follower."""

import time
from collections.abc import Callable
from typing import Any

from mlyard_model_api.serving.assembly import assemble
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.watch import Watch
from mlyard_model_api.settings import Settings


def watched(
    cache: Cache, registry: Callable[[], Any], *, clock: Callable[[], float] = time.monotonic, **changes: Any
) -> Watch:
    """A watch whose steps are taken by `poll`."""
    settings = Settings(cache=cache.folder, **changes)
    return assemble(settings, Models(settings.models), cache, registry=registry, clock=clock)


def poll(watch: Watch) -> Models:
    """Bring every model to where the registry says, in this thread."""
    watch.poll()
    for follower in watch.followers.all():
        follower.step()
    return watch.followers.place.models
