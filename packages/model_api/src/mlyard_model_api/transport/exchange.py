"""One request and its answer, for an ASGI application."""

import asyncio
import http
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Scope

from mlyard_model_api.errors import Stopping
from mlyard_model_api.protocols.protocol import Headers
from mlyard_model_api.routes.refusals import bug, protocol_of, refusal
from mlyard_model_api.transport.parsing import Head

MANY_BYTES = 64 * 1024
"""More of a body is not read ahead of the application; an answer up to this size is written at once with its head."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}
_BODILESS = (204, 304)

log = logging.getLogger(__name__)


class Connection(Protocol):
    """What an exchange needs of its connection."""

    @property
    def keeps_alive(self) -> bool:
        """Whether it may stay open after this answer."""

    @property
    def is_gone(self) -> bool:
        """Whether the client has gone."""

    @property
    def default_lines(self) -> bytes:
        """The lines of the headers of every answer."""

    def write(self, *parts: bytes) -> None:
        """Send bytes."""

    @property
    def is_full(self) -> bool:
        """Whether something is still to be sent."""

    async def drain(self) -> None:
        """Wait until all is sent."""

    def resume(self) -> None:
        """Read on, if reading has stopped."""

    def finish(self, exchange: "Exchange", *, close: bool) -> None:
        """The answer is complete, or there will be none."""


class Exchange:
    """A request whose headers have come."""

    # Most requests leave these as they are.
    is_complete = is_started = is_answered = is_lost = False
    _is_wanted = _is_told = _is_chunked = _is_continued = False
    _waiter: asyncio.Future[None] | None = None

    def __init__(self, connection: Connection, head: Head, *, facts: Mapping[str, Any]) -> None:
        """Begin with a head; `facts` are the scope's of the connection."""
        self.head = head
        self._facts = facts
        self._connection = connection
        self._keep_alive = head.keep_alive
        self._body = bytearray()

    def add(self, part: bytes | memoryview) -> None:
        """Take a part of the body."""
        if not self.is_answered:
            self._body += part
            self._wake()

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._connection.is_gone

    @property
    def body(self) -> bytearray:
        """What has come of the body and nobody has taken."""
        return self._body

    def whole_body(self) -> bytearray | None:
        """Take the body where all of it has come, without waiting."""
        if not self.is_complete or self._is_told:
            return None
        self._is_told = self._is_wanted = True
        body, self._body = self._body, bytearray()
        return body

    @property
    def takes_more(self) -> bool:
        """Whether the application wants the body, and has read what there is of it."""
        return self._is_wanted and len(self._body) <= MANY_BYTES

    def complete(self) -> None:
        """The request has come as a whole."""
        self.is_complete = True
        self._wake()

    def lose(self) -> None:
        """There will be no more of the body."""
        self.is_lost = not self.is_complete
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer as a whole, without an application: where the request is complete and nothing is still to be sent."""
        self.is_started = self.is_answered = True
        self._connection.write(self._first_lines(status, headers, len(body)), body)
        self._connection.finish(self, close=not self._keep_alive)

    async def run(self, app: ASGIApp) -> None:
        """Let the application answer."""
        scope: Scope = self.head.scope(**self._facts)
        scope["state"] = scope["state"].copy()
        scope["mlyard.exchange"] = self
        self._head: Message = {}
        try:
            await app(scope, self._receive, self._send)
        # The process ends, or the connection has.
        except asyncio.CancelledError:
            await self._instead(refusal(Stopping(), protocol_of(scope["path"])), scope)
        # A server outlives whatever an application raises; it has answered already where it could.
        except Exception as error:
            log.exception("a request failed", exc_info=error)
        if not self.is_started:
            await self._instead(bug(protocol_of(scope["path"])), scope)
        if not self.is_answered:
            self._connection.finish(self, close=True)

    async def _instead(self, app: ASGIApp, scope: Scope) -> None:
        if not self.is_started:
            await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self._is_wanted = True
        if not (self._is_continued or self.is_complete or self._body) and self.head.expects:
            self._is_continued = True
            self._connection.write(CONTINUE)
        while not (self.is_lost or self.is_answered or self._body or (self.is_complete and not self._is_told)):
            self._waiter = asyncio.get_running_loop().create_future()
            self._connection.resume()
            await self._waiter
        if self.is_lost or self.is_answered:
            return {"type": "http.disconnect"}
        self._is_told = self.is_complete
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self.is_complete}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._connection.is_full:
            await self._connection.drain()
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        head = b""
        if not self.is_started:
            start = self._head
            head = self._first_lines(start["status"], start.get("headers", ()), len(body) if is_last else None)
        self.is_started = True
        if self.head.method == "HEAD" or self._head["status"] in _BODILESS:
            body = b""
        elif self._is_chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"0\r\n\r\n" if is_last else b"")
        self._connection.write(head, body)
        if is_last:
            self.is_answered = True
            self._wake()
            self._connection.finish(self, close=not self._keep_alive)

    def _first_lines(self, status: int, headers: Headers, length: int | None) -> bytes:
        """The status and the headers; `length` is the body's, where it is known."""
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status, self._connection.default_lines]
        has_length = status in _BODILESS
        for name, value in headers:
            lines.append(b"%b: %b\r\n" % (name, value))
            has_length = has_length or name.lower() == b"content-length"
        # An answer before the whole request: what is left of it would be read as the next one.
        if not (self._keep_alive and self.is_complete and self._connection.keeps_alive):
            self._keep_alive = False
            lines.append(b"connection: close\r\n")
        if not has_length:
            if length is not None:
                lines.append(b"content-length: %d\r\n" % length)
            elif self.head.version == "1.1":
                self._is_chunked = True
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self._keep_alive = False
        lines.append(b"\r\n")
        return b"".join(lines)
