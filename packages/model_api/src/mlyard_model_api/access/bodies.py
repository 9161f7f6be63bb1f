"""How much of requests' bodies may be in memory, and how fast they have to arrive."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from starlette.types import Receive

from mlyard_model_api.access.unpacking import Unpacker, unpacker
from mlyard_model_api.errors import BodyTooLarge, BodyTooSlow, BrokenBody, Overloaded

SMALL_BYTES = 64 * 1024
"""Bodies up to this size have a share of the memory that larger ones cannot take."""
GRACE_SECONDS = 10.0
"""So long a body may take whatever its size."""
SLOWEST = 16 * 1024
"""Beyond that, so many bytes must have come in each second."""
PAUSE_BYTES = 256 * 1024
"""So much is unpacked before other requests have their turn."""


class Bodies:
    """The bytes of all bodies that are being read or wait to be decoded. Not for several threads."""

    def __init__(self, *, limit: int, largest: int, seconds: float) -> None:
        """At most `limit` bytes in all, `largest` in one body, which must be complete after `seconds`."""
        self.held = 0
        self._limit = limit
        self._largest = largest
        self._seconds = seconds
        self._waiting: deque[asyncio.Event] = deque()

    async def take(self, length: int | None, *, seconds: float) -> "Place":
        """Take a place for a body, of which nothing is read before: for all of it where its length is known.

        Where there is none, it is waited for; those who wait take turns, and small bodies need not wait for large ones.

        Raises:
            BodyTooLarge: it is larger than any may be.
            Overloaded: there is no place within these seconds.
        """
        place = Place(self, largest=self._largest, seconds=self._seconds)
        size = length or 0
        if size <= SMALL_BYTES or size > self._largest or (not self._waiting and self.fits(0, size)):
            place.grow(size)
            return place
        turn = asyncio.Event()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(seconds):
                while self._waiting[0] is not turn or not self.fits(0, size):
                    turn.clear()
                    await turn.wait()
            place.grow(size)
        except TimeoutError:
            raise self._overloaded() from None
        finally:
            self._waiting.remove(turn)
            self._wake()
        return place

    def fits(self, before: int, after: int) -> bool:
        """Whether a body may grow. One alone always may."""
        others = self.held - before
        limit = self._limit if after <= SMALL_BYTES else self._limit - self._limit // 8
        return after <= before or not others or others + after <= limit

    def change(self, before: int, after: int) -> None:
        """Note that a body has grown or is gone.

        Raises:
            Overloaded: there is no place for it.
        """
        if not self.fits(before, after):
            raise self._overloaded()
        self.held += after - before
        if after < before:
            self._wake()

    def _wake(self) -> None:
        if self._waiting:
            self._waiting[0].set()

    def _overloaded(self) -> Overloaded:
        return Overloaded(f"{self.held} bytes of other requests are being read already")


class Place:
    """The memory of one body, until it is freed."""

    def __init__(self, bodies: Bodies, *, largest: int, seconds: float) -> None:
        """Nothing is taken yet."""
        self._bodies = bodies
        self._largest = largest
        self._seconds = seconds
        self._taken = 0

    def free(self) -> None:
        """Give it back, once or again."""
        self._bodies.change(self._taken, 0)
        self._taken = 0

    def grow(self, size: int) -> None:
        """Take as much memory as the body has bytes; raises `BodyTooLarge` and `Overloaded`."""
        if size > self._largest:
            raise BodyTooLarge(self._largest)
        if size > self._taken:
            self._bodies.change(self._taken, size)
            self._taken = size

    async def read(self, chunks: AsyncIterator[bytes], *, coding: str | None = None) -> bytearray:
        """Return the whole body, unpacked where it is packed by a `coding`; what counts is its length then.

        Raises:
            BodyTooLarge: more comes than may.
            BodyTooSlow: it is not there in time.
            BrokenBody: it is not packed so.
            Overloaded: it grows, and there is no place.
        """
        body = bytearray()
        received = 0
        packed = unpacker(coding) if coding is not None else None
        started = asyncio.get_running_loop().time()
        allowed = min(self._seconds, GRACE_SECONDS)
        try:
            async with asyncio.timeout(allowed) as deadline:
                async for chunk in chunks:
                    received += len(chunk)
                    if packed is None:
                        self.grow(received)
                        body += chunk
                    else:
                        await self._unpack(chunk, packed, body)
                    allowed = min(self._seconds, GRACE_SECONDS + received / SLOWEST)
                    deadline.reschedule(started + allowed)
        except TimeoutError:
            raise BodyTooSlow(allowed) from None
        if packed is not None:
            packed.end()
        return body

    async def _unpack(self, chunk: bytes, packed: Unpacker, body: bytearray) -> None:
        paused = len(body)
        for piece in packed.feed(chunk):
            self.grow(len(body) + len(piece))
            body += piece
            if len(body) - paused >= PAUSE_BYTES:
                paused = len(body)
                await asyncio.sleep(0)


def content_length(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """The length of the body, where the client tells it."""
    value = next((value for name, value in headers if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The parts of a body as they come; raises `BrokenBody` where it ends too soon."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BrokenBody("the body is not complete")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
