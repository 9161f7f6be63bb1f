"""What the connections of one server share: their limits, the buffer that they read into, the answers not yet read."""

from dataclasses import dataclass
from typing import Protocol

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


class Shared:
    """What the connections of one event loop share."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is read and nothing waits yet."""
        self.limits = limits
        # One for all: what is in it is parsed before anything else is read.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._unread: dict[Abortable, int] = {}

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
