"""From a request with rows to the answer, without harm to any other request."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from starlette.types import Receive, Scope

from mlyard_model_api import prediction
from mlyard_model_api.access import unpacking
from mlyard_model_api.access.bodies import Bodies
from mlyard_model_api.errors import BrokenBody, DeadlinePassed
from mlyard_model_api.protocols.protocol import Answer, Headers, WireProtocol
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.version import ServedVersion

QUICK_BYTES = 32 * 1024
"""A body up to this size is decoded in the event loop: that takes less than to hand it to a thread and back."""
QUICK_ROWS = 100
"""So many answers are encoded there."""


class Predictor:
    """Answers requests. What takes long is done in threads: one decodes and encodes, and each version has its own."""

    def __init__(self, bodies: Bodies, *, max_rows: int, seconds: float) -> None:
        """Take at most `max_rows` rows at once, and answer each request within a deadline."""
        self._bodies = bodies
        self._max_rows = max_rows
        self._seconds = seconds
        # What waits here is bounded already, by the bytes of the bodies and the rows of the versions' lanes.
        self._codec = Lane("decoding", rows=1)

    def close(self) -> None:
        """Let the thread end."""
        self._codec.close()

    async def answer(self, protocol: WireProtocol, version: ServedVersion, scope: Scope, receive: Receive) -> Answer:
        """Return the answer of one version; what can be refused without the body is refused before it is read.

        Raises:
            Unanswered: there is none.
        """
        headers: Headers = scope["headers"]
        call = protocol.open(headers, scope["query_string"])
        coding = unpacking.coding(headers)
        version.lane.check()
        place = await self._bodies.take(_length(headers), seconds=self._seconds)
        try:
            body = await place.read(_chunks(receive), coding=coding)
            async with asyncio.timeout(self._seconds):
                decode = partial(call.decode, manifest=version.manifest, max_rows=self._max_rows)
                if len(body) <= QUICK_BYTES:
                    columns = decode(body)
                else:
                    columns = await self._codec.run(decode, body, rows=0)
                del body
                place.free()
                predictions = await prediction.predict(version, columns)
                if len(predictions.ids) <= QUICK_ROWS:
                    return call.encode(predictions)
                return await self._codec.run(call.encode, predictions, rows=0)
        except TimeoutError:
            raise DeadlinePassed(self._seconds) from None
        finally:
            place.free()


def _length(headers: Headers) -> int | None:
    """The length of the body, where the client tells it."""
    value = next((value for name, value in headers if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BrokenBody("the body is not complete")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
