"""A load client that takes little of the processor: bytes that are made before, and an asyncio protocol that counts.

Each connection asks again as soon as it has its answer. No time is lost on parsing: of an answer only the status and
the length are read.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import uvloop


@dataclass(frozen=True, eq=False)
class Target:
    """Where requests go, and what they say: the bodies in turn."""

    name: str
    url: str
    bodies: Sequence[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def requests(self) -> list[bytes]:
        """The bytes of each request."""
        parts = urlsplit(self.url)
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        first = f"{'POST' if self.bodies else 'GET'} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}"
        if not self.bodies:
            return [f"{first}\r\n".encode()]
        return [f"{first}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in self.bodies]


@dataclass
class Load:
    """What came of it: seconds of each answer, and how many were none or no success."""

    seconds: float
    times: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    def quantile(self, share: float) -> float:
        """The time that this share of the answers took at the most, in milliseconds."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")


def run(loads: dict[Target, tuple[int, float]], *, seconds: float) -> dict[str, Load]:
    """Put load on targets at the same time.

    Args:
        loads: by target the number of connections, and how long each of them waits between two requests.
        seconds: how long.
    """
    return uvloop.run(_run(loads, seconds=seconds))


def beside(asked: Target, busy: Target, connections: int, *, seconds: float) -> Load:
    """Ask one target every 5 ms on one connection, while another process puts load on another.

    In the same process a question would wait for the load client as well as for the server.
    """
    others = multiprocessing.get_context("fork").Process(
        target=run, args=({busy: (connections, 0)},), kwargs={"seconds": seconds + 1}
    )
    others.start()
    try:
        time.sleep(0.5)
        return run({asked: (1, 0.005)}, seconds=seconds)[asked.name]
    finally:
        others.join(seconds + 5)


class _Connection(asyncio.Protocol):
    def __init__(self, requests: list[bytes], load: Load, *, first: int, pause: float) -> None:
        self._requests = requests
        self._load = load
        self._next = first
        self._pause = pause
        self._buffer = b""
        self._missing = 0
        self._started = 0.0
        self._is_over = False
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._missing = end + 4 + length - len(self._buffer)
            if self._buffer[9:12] != b"200":
                self._load.errors += 1
            self._buffer = b""
        if self._missing <= 0:
            self._missing = 0
            self._load.times.append(time.perf_counter() - self._started)
            if self._is_over:
                self._transport.close()
            elif self._pause:
                self._loop.call_later(self._pause, self._ask)
            else:
                self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._is_over:
            self._load.errors += 1

    def stop(self) -> None:
        self._is_over = True
        self._loop.call_later(1, self._transport.abort)

    def _ask(self) -> None:
        if self._is_over:
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(self._requests[self._next])
        self._next = (self._next + 1) % len(self._requests)


def _itself(connection: _Connection) -> _Connection:
    return connection


async def _run(loads: dict[Target, tuple[int, float]], *, seconds: float) -> dict[str, Load]:
    loop = asyncio.get_running_loop()
    found, connections = {}, []
    for target, (count, pause) in loads.items():
        load = found[target.name] = Load(seconds)
        parts, requests = urlsplit(target.url), target.requests()
        for number in range(count):
            connection = _Connection(requests, load, first=number % len(requests), pause=pause)
            await loop.create_connection(partial(_itself, connection), parts.hostname or "", parts.port or 80)
            connections.append(connection)
    await asyncio.sleep(seconds)
    for connection in connections:
        connection.stop()
    await asyncio.sleep(0.05)
    return found
