"""A connection: requests in, answers out in their order, and an end to all that takes too long."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from mlyard_model_api.errors import BrokenRequest, HeadersTooSlow
from mlyard_model_api.routes.refusals import refusal
from mlyard_model_api.transport import peer
from mlyard_model_api.transport.exchange import CONTINUE, Exchange
from mlyard_model_api.transport.parsing import Head, RequestParser
from mlyard_model_api.transport.shared import Limits, Shared, Shortcut

LINGER_SECONDS = 1.0
"""So long a connection that ends stays open for what is on its way: a request that reuses it, the rest of a body."""
LINGER_BYTES = 12 * 1024**2
"""So much of a refused body is read and dropped, since most clients write all of it before they read the answer. With
what the system's buffers hold it is about the largest body that is taken by default."""
HALF_CLOSED_SECONDS = 0.25
"""How often it is looked whether a client that has no more to send still waits for its answer."""
ASKED_AT = (1, 4, 16, 64)
"""At which of these times it is also sent something that it would refuse; some clients take no more than five such."""


def connections(
    limits: Limits, *, shortcut: Shortcut | None = None, broken: Callable[[BrokenRequest], ASGIApp] = refusal
) -> Callable[..., "HttpConnection"]:
    """Return what uvicorn calls, as its `http`, for each new connection.

    Args:
        limits: what a connection may take.
        shortcut: answers some requests itself.
        broken: makes what answers to a request that is not HTTP.
    """
    return partial(HttpConnection, shared=Shared(limits), shortcut=shortcut, broken=broken)


class HttpConnection(asyncio.BufferedProtocol):
    """HTTP/1.1 on one connection, in the place of uvicorn's own: its server makes one for each and tells it to end."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        shared: Shared,
        shortcut: Shortcut | None = None,
        broken: Callable[[BrokenRequest], ASGIApp] = refusal,
    ) -> None:
        """As uvicorn calls it, but for what the connections share."""
        self._app: ASGIApp = config.loaded_app
        self._state = server_state
        self._app_state = app_state
        self._shared = shared
        self._shortcut = shortcut
        self._broken = broken
        # The last head that it was asked about, and what it said.
        self._known: Head | None = None
        self._prepared: Any = None
        self._limits = shared.limits
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = RequestParser(self)
        self._transport: asyncio.Transport
        self._facts: dict[str, Any] = {}
        # One timer for all deadlines: it is set anew when it has gone off too early, not with every request.
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline: float | None = None
        self._then: Callable[[], None] = self._close
        self._watch: asyncio.TimerHandle | None = None
        self._looked = 0
        self._writable = asyncio.Event()
        self._writable.set()
        # What comes in, what is being answered, and what waits for that.
        self._incoming: Exchange | None = None
        self._current: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._next: tuple[Exchange, ASGIApp] | None = None
        self._is_launching = False
        self._waiting: deque[tuple[Exchange, ASGIApp]] = deque()
        self._is_paused = False
        self._is_stopping = False
        self._is_broken = False
        self._is_closing = False
        self._has_ended = False
        self._discarded = 0

    # --- what the event loop and the server call ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has no base of asyncio's
        # Every answer is told to be on its way until the last byte has left.
        self._transport.set_write_buffer_limits(high=0)
        client, server = _address(transport, "peername"), _address(transport, "sockname")
        self._facts = {"client": client, "server": server, "state": self._app_state}
        self._state.connections.add(self)  # type: ignore[arg-type] # it names its own classes
        self._arm(self._limits.headers, self._close)

    def get_buffer(self, _size: int) -> memoryview:
        """Where to read to."""
        return self._shared.buffer

    def buffer_updated(self, count: int) -> None:
        """Take what has been read."""
        if self._is_closing or self._is_broken:
            self._discarded += count
            if self._discarded > LINGER_BYTES:
                self._transport.close()
            return
        try:
            self._parser.feed(self._shared.buffer[:count])
        except BrokenRequest as error:
            self._refuse(error)
        self._launch()
        if self._waiting or (self._incoming is not None and not self._incoming.takes_more):
            self._pause()

    def eof_received(self) -> bool:
        """Take note that the client has no more to send; what it waits for it still gets."""
        self._has_ended = True
        if self._parser.in_head and not (self._is_closing or self._is_broken):
            self._refuse(BrokenRequest("the connection ended within the headers"))
        if self._incoming is not None:
            self._incoming.lose()
        if self._current is None or self._is_closing:
            return False
        self._watch = self._loop.call_later(HALF_CLOSED_SECONDS, self._ask_peer)
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        """Drop what was asked for."""
        self._is_closing = True
        self._state.connections.discard(self)
        for timer in (self._timer, self._watch):
            if timer is not None:
                timer.cancel()
        self._waiting.clear()
        self._shared.note_unread(self, 0)
        self._writable.set()
        if self._incoming is not None:
            self._incoming.lose()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Let the answer wait for a client that reads slowly."""
        self._writable.clear()
        self._shared.note_unread(self, self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Let it go on."""
        self._writable.set()
        self._shared.note_unread(self, 0)

    def abort(self) -> None:
        """End at once, whatever has not been sent."""
        self._transport.abort()

    def shutdown(self) -> None:
        """End after the answer that is due; one that is asked for just now is answered too."""
        self._is_stopping = True
        if not self._is_closing:
            self._loop.call_later(LINGER_SECONDS, self._stop)

    # --- what an exchange calls ---

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may stay open after an answer."""
        return not self._is_stopping and (bool(self._waiting) or not (self._is_broken or self._has_ended))

    @property
    def is_gone(self) -> bool:
        """Whether the client has gone, or soon will have."""
        return self._is_closing or self._transport.is_closing()

    @property
    def default_lines(self) -> bytes:
        """The lines of the headers of every answer."""
        return self._shared.lines(self._state.default_headers)

    def write(self, *parts: bytes) -> None:
        """Send bytes, unless nobody is there any more."""
        if not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    @property
    def is_full(self) -> bool:
        """Whether something is still to be sent."""
        return not self._writable.is_set()

    async def drain(self) -> None:
        """Wait until all is sent; a client that reads nothing for too long loses the connection."""
        if self._writable.is_set():
            return
        try:
            async with asyncio.timeout(self._limits.idle):
                await self._writable.wait()
        except TimeoutError:
            self._transport.abort()

    def resume(self) -> None:
        """Read on, if reading has stopped."""
        if self._is_paused and not self._waiting:
            self._is_paused = False
            self._transport.resume_reading()

    def finish(self, exchange: Exchange, *, close: bool) -> None:
        """Go on with the next request, or end."""
        self._state.total_requests += 1
        self._current = self._task = None
        if exchange is self._incoming:
            self._incoming = None
        if self._transport.is_closing():
            return
        if close or not self.keeps_alive:
            self._close()
        elif self._waiting:
            self._start(*self._waiting.popleft())
            self._launch()
        elif not self._parser.in_head:
            self._arm(self._limits.idle, self._end_idle)
        self.resume()

    # --- what the parser calls ---

    def begin_head(self) -> None:
        """Give it its time."""
        self._arm(self._limits.headers, self._give_up_on_headers)

    def take_head(self, head: Head) -> None:
        """Let the application answer, as soon as it is this request's turn."""
        self._disarm()
        self._incoming = Exchange(self, head, facts=self._facts)
        self._queue(self._incoming, self._app)

    def take_body(self, part: bytes | memoryview) -> None:
        """Hand it to the application."""
        if self._incoming is not None:
            self._incoming.add(part)

    def end_request(self) -> None:
        """Tell the application."""
        if self._incoming is not None:
            self._incoming.complete()
            self._incoming = None

    # --- the rest ---

    def _pause(self) -> None:
        if not (self._is_paused or self._is_closing):
            self._is_paused = True
            self._transport.pause_reading()

    def _refuse(self, error: BrokenRequest) -> None:
        """Answer that this is not HTTP, after what came before it, and end the connection."""
        self._is_broken = True
        self._disarm()
        if self._incoming is not None:
            # It is within a body: the application answers.
            self._incoming.lose()
            return
        self._queue(Exchange(self, self._parser.unread_head(), facts=self._facts), self._broken(error))
        self._launch()

    def _queue(self, exchange: Exchange, app: ASGIApp) -> None:
        if self._current is None:
            self._start(exchange, app)
        else:
            self._waiting.append((exchange, app))

    def _start(self, exchange: Exchange, app: ASGIApp) -> None:
        self._current = exchange
        self._next = (exchange, app)

    def _launch(self) -> None:
        """Let the request whose turn it is be answered; more than one where they are answered at once."""
        if self._is_launching:
            return
        self._is_launching = True
        try:
            while self._next is not None:
                (exchange, app), self._next = self._next, None
                if not self._takes_shortcut(exchange, app):
                    self._task = self._loop.create_task(exchange.run(app))
                    self._state.tasks.add(self._task)
                    self._task.add_done_callback(self._state.tasks.discard)
        finally:
            self._is_launching = False

    def _takes_shortcut(self, exchange: Exchange, app: ASGIApp) -> bool:
        if self._shortcut is None or app is not self._app or not exchange.is_complete or self.is_full:
            return False
        if not exchange.head.is_like(self._known):
            self._known = exchange.head
            self._prepared = self._shortcut.prepare(exchange.head)
        return self._prepared is not None and self._shortcut.answer(self._prepared, exchange)

    def _arm(self, seconds: float, then: Callable[[], None]) -> None:
        """Do this in so many seconds, and nothing that was to be done before."""
        self._then = then
        self._deadline = deadline = self._loop.time() + seconds
        if self._timer is None or self._timer_at > deadline:
            self._set_timer(deadline)

    def _disarm(self) -> None:
        self._deadline = None

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._go_off)
        self._timer_at = at

    def _go_off(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer(self._deadline)
            return
        self._deadline = None
        self._then()

    def _give_up_on_headers(self) -> None:
        self._refuse(HeadersTooSlow(self._limits.headers))

    def _ask_peer(self) -> None:
        """See whether a client that has no more to send still waits: who has gone answers with a reset."""
        current = self._current
        if current is None or self._transport.is_closing():
            return
        if peer.is_closed(self._transport):
            self._transport.abort()
            return
        self._looked += 1
        if self._looked in ASKED_AT and not current.is_started and current.head.version == "1.1":
            self.write(CONTINUE)
        self._watch = self._loop.call_later(HALF_CLOSED_SECONDS, self._ask_peer)

    def _stop(self) -> None:
        """End what is idle, and what still waits for a body."""
        if self._current is None:
            self._close()
        elif not self._current.is_complete and self._task is not None:
            self._task.cancel()

    def _end_idle(self) -> None:
        if self._writable.is_set():
            self._close()
        else:
            self._transport.abort()

    def _close(self) -> None:
        """End the connection after what is written, without a reset for what the client sends meanwhile."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._has_ended or not self._transport.can_write_eof():
            self._transport.close()
            self._arm(self._limits.idle, self._transport.abort)
            return
        try:
            self._transport.write_eof()
        except OSError:
            # The client was faster.
            self._transport.abort()
            return
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        self._arm(LINGER_SECONDS, self._end)

    def _end(self) -> None:
        self._transport.close()
        self._arm(self._limits.idle, self._transport.abort)


def _address(transport: asyncio.BaseTransport, which: str) -> tuple[str, int] | None:
    found = transport.get_extra_info(which)
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
