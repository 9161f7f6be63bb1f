"""Waiting for what takes its time."""

import time
from collections.abc import Callable

import httpx


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Poll until a condition holds; return the seconds that it took. What is not there yet counts as not holding.

    Raises:
        TimeoutError: it did not hold in time.
    """
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        try:
            if condition():
                return time.monotonic() - started
        except (httpx.HTTPError, OSError, LookupError, StopIteration):
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{what}: not within {seconds:.0f} s")
