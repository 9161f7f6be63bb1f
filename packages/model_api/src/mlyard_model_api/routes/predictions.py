"""From a request with rows to the answer, without harm to any other request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from starlette.types import Receive, Scope

from mlyard_model_api.access import unpacking
from mlyard_model_api.access.bodies import Bodies, chunks, content_length
from mlyard_model_api.errors import DeadlinePassed
from mlyard_model_api.prediction import Predictions, count, predict
from mlyard_model_api.protocols.protocol import Answer, Call, Headers, WireProtocol
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.version import ServedVersion

QUICK_ROWS = 1000
"""So many answers are encoded there."""


class Connected(Protocol):
    """What the transport tells of a request, as `scope["mlyard.exchange"]`; other servers tell nothing."""

    def whole_body(self) -> bytearray | None:
        """Take the body where all of it has come, and is not large."""


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
        if (preparation := call.preparation) is not None:
            await self._codec.run(lambda _: preparation(), None, rows=0)
        exchange: Connected | None = scope.get("mlyard.exchange")
        body = exchange.whole_body() if exchange is not None and coding is None else None
        if exchange is not None and body is not None:
            columns = call.decode(body, version.manifest, max_rows=self._max_rows)
            if count(columns) <= version.pace.quick_rows:
                # Nothing of this can take long, so that no deadline is needed.
                return call.encode(await predict(version, columns))
            del body
            async with self._deadline():
                return await self._encoded(call, await predict(version, columns))
        return await self._read(call, version, headers, receive, coding=coding)

    async def _read(
        self, call: Call, version: ServedVersion, headers: Headers, receive: Receive, *, coding: str | None
    ) -> Answer:
        """Answer where the body has still to come, is large, or has to be unpacked."""
        place = await self._bodies.take(content_length(headers), seconds=self._seconds)
        try:
            body = await place.read(chunks(receive), coding=coding)
            async with self._deadline():
                decode = partial(call.decode, manifest=version.manifest, max_rows=self._max_rows)
                is_quick = len(body) <= call.quick_bytes(version.manifest)
                columns = decode(body) if is_quick else await self._codec.run(decode, body, rows=0)
                del body
                place.free()
                return await self._encoded(call, await predict(version, columns))
        finally:
            place.free()

    async def _encoded(self, call: Call, predictions: Predictions) -> Answer:
        if len(predictions.ids) <= QUICK_ROWS:
            return call.encode(predictions)
        return await self._codec.run(call.encode, predictions, rows=0)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError:
            raise DeadlinePassed(self._seconds) from None
