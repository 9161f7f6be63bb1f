"""A head that comes again, byte for byte but for the length of the body: what was parsed once need not be parsed again.

A client sends the same lines with each request of a connection. To compare them takes a tenth of the time that parsing
them does, of which most is the way from the parser to Python for each header.
"""

from typing import NamedTuple, Protocol, Self

MOST_BYTES = 2048
"""A longer head is parsed each time, so that a connection keeps little."""
_NAME = b"\r\ncontent-length:"
_END = b"\r\n\r\n"
_MOST_DIGITS = 8


class Head(Protocol):
    """A head that was parsed."""

    keep_alive: bool
    length: bytes | None
    headers: list[tuple[bytes, bytes]]


class KnownHead(NamedTuple):
    """The bytes of a head around the digits of the body's length."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, data: memoryview, head: Head) -> Self | None:
        """Learn from the bytes that were one whole request; None where its head may mean something else next time."""
        if not head.keep_alive or head.length is None or any(name in _OF_ONE_REQUEST for name, _ in head.headers):
            return None
        start = bytes(data[:MOST_BYTES])
        end = start.find(_END) + len(_END)
        lines = start[:end]
        # Had it ended where another parser sees an end, the body would have another length.
        if end < len(_END) or len(data) != end + int(head.length) or lines.lower().count(_NAME) != 1:
            return None
        at = lines.lower().find(_NAME) + len(_NAME)
        value = lines[at : lines.find(b"\r\n", at)]
        digits = value.lstrip(b" \t")
        if digits != head.length:
            return None
        at += len(value) - len(digits)
        return cls(lines[:at], lines[at + len(digits) :])

    def split(self, data: memoryview) -> tuple[bytes, memoryview] | None:
        """The length and the body, where the bytes are one whole request with this head."""
        before, after = self
        start = bytes(data[: len(before) + _MOST_DIGITS + len(after)])
        first = len(before)
        last = start.find(b"\r", first)
        length = start[first:last]
        if not (start.startswith(before) and length.isdigit() and length[0] != _ZERO and start.startswith(after, last)):
            return None
        begin = last + len(after)
        return (length, data[begin:]) if len(data) == begin + int(length) else None


_OF_ONE_REQUEST = frozenset((b"expect", b"upgrade", b"transfer-encoding"))
_ZERO = ord("0")
