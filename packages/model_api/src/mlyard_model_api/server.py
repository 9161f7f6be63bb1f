"""The server process: one uvicorn worker that drains its requests and ends within 10 seconds of a SIGTERM."""

import logging
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn
from mlyard_shared.errors import SettingsError

from mlyard_model_api.app import Api
from mlyard_model_api.settings import Settings
from mlyard_model_api.transport.connection import connections
from mlyard_model_api.transport.shared import Limits

DRAIN_SECONDS = 7
BACKLOG = 2048
ACCEPTED = 16
"""So many connections are accepted in one turn of the event loop."""

log = logging.getLogger(__name__)


def serve(app: Api, settings: Settings, *, is_shared: bool = False) -> None:
    """Serve until a signal comes; never returns.

    Args:
        app: the application.
        settings: the service's settings.
        is_shared: whether other workers listen at the same address.

    Raises:
        SettingsError: nothing can listen at the address.
    """
    listener = listen(settings, is_shared=is_shared)
    # A number has at most 309 digits before its point, and Python takes quadratic time for what is longer.
    sys.set_int_max_str_digits(sys.int_info.str_digits_check_threshold)
    if not is_shared:
        log.info("listening at http://%s:%d, docs at /docs", settings.host, settings.port)
    limits = Limits(headers=settings.header_seconds, idle=settings.keep_alive_seconds, unread=settings.bodies_bytes)
    config = uvicorn.Config(
        app,
        http=connections(limits, shortcut=app.shortcut, broken=app.broken),  # type: ignore[arg-type] # it is called, and no more
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    # uvicorn raises the signal again when it has shut down.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    uvicorn.Server(config).run(sockets=listeners(listener))
    _leave(1)  # it returns without a signal only where the start failed, which it has logged


def listen(settings: Settings, *, is_shared: bool = False) -> socket.socket:
    """Take the address at once, so that a taken port is found before anything is loaded.

    Where workers share it, each has a listener of its own, among which the kernel deals the connections out evenly.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        address = (settings.host, settings.port)
        if is_shared:
            # The server listens when it has started, so that no connection waits for a worker that cannot answer yet.
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        else:
            listener = socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"cannot listen at {settings.host}:{settings.port} ({error.strerror}): "
            "set MLYARD_MODEL_API_PORT to a free port and MLYARD_MODEL_API_HOST to an address of this machine"
        ) from None
    # What it accepts inherits it. asyncio sets it by a protocol number that sockets made like this do not have, and
    # without it an answer waits 40 ms for the client to acknowledge the one before.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listeners(listener: socket.socket) -> list[socket.socket]:
    """The same listener several times, for an event loop that accepts one connection of each of them in a turn.

    libuv does so since 1.49. Of a few hundred clients that come at once, a turn of the event loop takes as long as all
    of their requests, and the last one would wait through a turn for each of the others, be it a health check.
    """
    return [listener, *(listener.dup() for _ in range(ACCEPTED - 1))]


def _end(_signal: int, _frame: FrameType | None) -> None:
    _leave(0)


def _leave(code: int) -> None:
    """End the process without waiting for threads: a download or a long prediction may take minutes."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
