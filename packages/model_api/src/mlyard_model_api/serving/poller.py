"""The thread that loads models and follows the registry, so that no request ever waits for either."""

import logging
import threading
from collections.abc import Callable

from mlyard_model_api.serving.deployment import Deployment

STOP_SECONDS = 1.0

log = logging.getLogger(__name__)


class Poller(threading.Thread):
    """Loads the cache at once, then polls every `seconds`."""

    def __init__(self, deployment: Deployment, *, seconds: float) -> None:
        """Make the thread; `start` runs it. As a daemon it never holds up the end of the process."""
        super().__init__(name="poller", daemon=True)
        self._deployment = deployment
        self._seconds = seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        """Load and poll until `stop`."""
        self._guarded(self._deployment.start_from_cache)
        while not self._stopping.is_set():
            self._guarded(self._deployment.poll)
            self._stopping.wait(self._seconds)

    def stop(self) -> None:
        """Ask the thread to end, and give it a moment."""
        self._stopping.set()
        self.join(STOP_SECONDS)

    def _guarded(self, task: Callable[[], None]) -> None:
        try:
            task()
        # A fault of ours must not end the polling: it is logged, and the next poll tries again.
        except Exception:
            log.exception("a poll failed")
