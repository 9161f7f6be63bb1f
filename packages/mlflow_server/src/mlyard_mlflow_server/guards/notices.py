"""Lines for the server's log that a flood of requests cannot multiply."""

import logging
import time

SECONDS = 60.0
MOST = 256

_logger = logging.getLogger("uvicorn.error")  # it alone has a handler under MLflow's configuration
_said: dict[str, float] = {}


def notice(message: str, *, level: int = logging.ERROR) -> None:
    """Log a line, unless the same one stands there since less than a minute."""
    now = time.monotonic()
    if now - _said.get(message, -SECONDS) >= SECONDS:
        if len(_said) >= MOST:
            _said.clear()
        _said[message] = now
        _logger.log(level, "%s", message)
