"""What the connections of one server share: their limits, the buffer that they read into, the answers not yet read."""

from dataclasses import dataclass
from typing import Any, Protocol

from mlyard_model_api.routes.shortcut import Request
from mlyard_model_api.transport.parsing import Head

READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Limits:
    """What a connection may take: seconds for the headers, seconds without anything to do, bytes that nobody reads."""

    headers: float
    idle: float
    unread: int


class Abortable(Protocol):
    """A connection, as far as it matters here."""

    def abort(self) -> None:
        """End it at once."""


class Shortcut(Protocol):
    """Answers some requests without the application, and without a task of the event loop."""

    def prepare(self, head: Head) -> Any:
        """What can be known from a head, for all requests with one like it; None where it goes the long way."""

    def answer(self, prepared: Any, request: Request) -> bool:
        """Answer now or soon, and say so; else the body is still there, and the application answers."""


class Shared:
    """What the connections of one event loop share."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is read and nothing waits yet."""
        self.limits = limits
        # One for all: what is in it is parsed before anything else is read.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._unread: dict[Abortable, int] = {}
        self._headers: list[tuple[bytes, bytes]] = []
        self._lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The lines of headers that every answer has; the server makes another list when the date has changed."""
        if headers is not self._headers:
            self._headers, self._lines = headers, b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._lines

    def note_unread(self, connection: Abortable, size: int) -> None:
        """Note that so much of an answer waits for its client; 0 when it has read all.

        Where that is too much in all, those who read nothing for the longest lose their connections.
        """
        self._unread.pop(connection, None)
        if size:
            self._unread[connection] = size
        while len(self._unread) > 1 and sum(self._unread.values()) > self.limits.unread:
            slowest = next(iter(self._unread))
            del self._unread[slowest]
            slowest.abort()
