"""The one thread that predicts: never the event loop, never two at once, never an endless queue."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mlyard_model_api.errors import Overloaded

T = TypeVar("T")


class PredictionThread:
    """Runs one task after the other. More threads would make scikit-learn slower, and the health routes too."""

    def __init__(self, *, limit: int) -> None:
        """At most `limit` tasks wait or run."""
        self._limit = limit
        self._places = threading.BoundedSemaphore(limit)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prediction")

    async def run(self, task: Callable[[], T]) -> T:
        """Return what the task returns, or raise what it raises.

        Raises:
            Overloaded: too many are waiting.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(self._limit)
        future = self._executor.submit(task)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def stop(self) -> None:
        """Take no more tasks; what waits is not run."""
        self._executor.shutdown(wait=False, cancel_futures=True)
