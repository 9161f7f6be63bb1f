"""One request and its answer, for an ASGI application."""

import asyncio
import http
import logging
from typing import Protocol

from starlette.types import ASGIApp, Message, Scope

from mlyard_model_api.errors import Stopping
from mlyard_model_api.routes.refusals import bug, protocol_of, refusal

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
    def is_alone(self) -> bool:
        """Whether no other request of this server is being answered."""

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""

    def write(self, *parts: bytes) -> None:
        """Send bytes."""

    async def drain(self) -> None:
        """Wait until all is sent."""

    def resume(self) -> None:
        """Read on, if reading has stopped."""

    def finish(self, exchange: "Exchange", *, close: bool) -> None:
        """The answer is complete, or there will be none."""


class Exchange:
    """A request whose headers have come."""

    def __init__(self, connection: Connection, scope: Scope, *, keep_alive: bool, expects: bool) -> None:
        """`keep_alive`: whether the client wants that. `expects`: whether it waits for a 100 before it sends a body."""
        self.scope = scope
        scope["mlyard.exchange"] = self
        self.is_complete = False
        self.is_started = False
        self.is_answered = False
        self.is_lost = False
        self._connection = connection
        self._keep_alive = keep_alive
        self._expects = expects
        self._body = bytearray()
        self._is_wanted = False
        self._is_told = False
        self._changed = asyncio.Event()
        self._head: Message = {}
        self._is_chunked = False

    def add(self, part: bytes) -> None:
        """Take a part of the body."""
        if not self.is_answered:
            self._body += part
            self._changed.set()

    @property
    def is_alone(self) -> bool:
        """Whether no other request of this server is being answered."""
        return self._connection.is_alone

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
        self._changed.set()

    def lose(self) -> None:
        """There will be no more of the body."""
        self.is_lost = not self.is_complete
        self._changed.set()

    async def run(self, app: ASGIApp) -> None:
        """Let the application answer."""
        try:
            await app(self.scope, self._receive, self._send)
        # The process ends, or the connection has.
        except asyncio.CancelledError:
            await self._instead(refusal(Stopping(), protocol_of(self.scope["path"])))
        # A server outlives whatever an application raises; it has answered already where it could.
        except Exception as error:
            log.exception("a request failed", exc_info=error)
            await self._instead(bug(protocol_of(self.scope["path"])))
        else:
            await self._instead(bug(protocol_of(self.scope["path"])))
        if not self.is_answered:
            self._connection.finish(self, close=True)

    async def _instead(self, app: ASGIApp) -> None:
        if not self.is_started:
            await app(self.scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self._is_wanted = True
        if self._expects and not self.is_complete and not self._body:
            self._expects = False
            self._connection.write(CONTINUE)
        while not (self.is_lost or self.is_answered or self._body or (self.is_complete and not self._is_told)):
            self._changed.clear()
            self._connection.resume()
            await self._changed.wait()
        if self.is_lost or self.is_answered:
            return {"type": "http.disconnect"}
        self._is_told = self.is_complete
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": not self.is_complete}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        await self._connection.drain()
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        head = b"" if self.is_started else self._first_lines(len(body) if is_last else None)
        self.is_started = True
        if self.scope["method"] == "HEAD" or self._head["status"] in _BODILESS:
            body = b""
        elif self._is_chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"0\r\n\r\n" if is_last else b"")
        self._connection.write(head, body)
        if is_last:
            self.is_answered = True
            self._changed.set()
            self._connection.finish(self, close=not self._keep_alive)

    def _first_lines(self, length: int | None) -> bytes:
        """The status and the headers; `length` is the body's, where it is known."""
        status = self._head["status"]
        headers = [*self._connection.default_headers, *self._head.get("headers", ())]
        names = {name.lower() for name, _ in headers}
        # An answer before the whole request: what is left of it would be read as the next one.
        if not (self._keep_alive and self.is_complete and self._connection.keeps_alive):
            self._keep_alive = False
            headers.append((b"connection", b"close"))
        if b"content-length" not in names and status not in _BODILESS:
            if length is not None:
                headers.append((b"content-length", b"%d" % length))
            elif self.scope["http_version"] == "1.1":
                self._is_chunked = True
                headers.append((b"transfer-encoding", b"chunked"))
            else:
                self._keep_alive = False
        line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
        return b"".join([line, *(b"%b: %b\r\n" % header for header in headers), b"\r\n"])
