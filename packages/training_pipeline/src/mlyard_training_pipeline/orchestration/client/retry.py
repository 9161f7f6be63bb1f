"""Asking a service again while it gives no answer."""

import time
from collections.abc import Callable
from typing import TypeVar

from mlyard_shared.errors import RegistryUnavailable

from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.errors import AirflowUnavailable

Answer = TypeVar("Answer")
PAUSE = 1.0
"""Seconds between two tries."""


class Retry:
    """Tries again for `seconds`; what is being waited for is shown."""

    def __init__(self, seconds: float, progress: Progress) -> None:
        self.seconds = seconds
        self._progress = progress

    def call(self, question: Callable[[], Answer]) -> Answer:
        """Ask until there is an answer.

        Raises:
            AirflowUnavailable, RegistryUnavailable: there was none for too long.
        """
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                answer = question()
            except (AirflowUnavailable, RegistryUnavailable) as error:
                if time.monotonic() >= deadline:
                    raise
                self._progress.waiting(str(error))
                time.sleep(PAUSE)
            else:
                self._progress.waiting(None)
                return answer
