"""The other end of a connection: whether anyone waits there still."""

import asyncio
import socket

CLOSED = 7
"""`TCP_CLOSE` of Linux's tcp_states.h: the peer has answered with a reset."""
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)


def is_closed(transport: asyncio.BaseTransport) -> bool:
    """Whether a connection that the peer ended is closed on both sides; never where the system does not tell.

    A client that has gone and one that only has no more to send look alike, until something is written to them.
    """
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is None or _TCP_INFO is None or transport.is_closing():
        return transport.is_closing()
    return found.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] == CLOSED
