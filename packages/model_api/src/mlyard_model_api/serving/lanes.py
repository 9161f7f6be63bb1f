"""Where predictions are made: a queue and a thread for each version, so that a slow one delays no other."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from mlyard_model_api.errors import Overloaded

MAX_BYTES = 64 * 1024**2
"""Most bytes of input that wait in one lane: rows may be wide."""

Given = TypeVar("Given")
Result = TypeVar("Result")


class Lane:
    """Does one piece of work after the other, in a thread of its own.

    More threads would make scikit-learn slower. The thread starts with the first work, so that a version that nobody
    asks costs nothing.
    """

    def __init__(self, name: str, *, rows: int) -> None:
        """Let at most `rows` rows wait or run; more only where nothing else does."""
        self.name = name
        self._limit = rows
        self._rows = self._bytes = 0
        self._waiting: deque[_Work] = deque()
        self._changed = threading.Condition()
        self._has_thread = False
        self._is_closed = False

    def check(self, rows: int = 1, *, size: int = 0) -> None:
        """Ask whether there is room, without taking it.

        Raises:
            Overloaded: too much waits.
        """
        if self._rows and (self._rows + rows > self._limit or self._bytes + size > MAX_BYTES):
            raise Overloaded(f"{self._rows} rows wait for {self.name} already")

    async def run(self, function: Callable[[Given], Result], given: Given, *, rows: int, size: int = 0) -> Result:
        """Return what the function returns for what it is given, or raise what it raises.

        Where the caller is cancelled, by its deadline or since the client has gone, what waits is not done any more;
        what is being done ends by itself, and its result is dropped.

        Args:
            function: called in the lane's thread.
            given: what it is called with.
            rows: how much work that is.
            size: how many bytes that is.

        Raises:
            Overloaded: too much waits.
        """
        work = _Work(function, given, rows=rows, size=size)
        with self._changed:
            self.check(rows, size=size)
            self._rows += rows
            self._bytes += size
            self._waiting.append(work)
            if not self._has_thread:
                self._has_thread = True
                threading.Thread(target=self._work, name=f"lane {self.name}", daemon=True).start()
            self._changed.notify()
        try:
            result: Result = await work.result
            return result
        finally:
            self._withdraw(work)

    def close(self) -> None:
        """Let the thread end after what waits. Work that comes later still is done, for a request that came before."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _withdraw(self, work: "_Work") -> None:
        """Take work out of the queue that nobody waits for any more."""
        with self._changed:
            if work.is_waiting:
                self._waiting.remove(work)
                self._forget(work)

    def _forget(self, work: "_Work") -> None:
        work.is_waiting = False
        self._rows -= work.rows
        self._bytes -= work.size

    def _next(self) -> "_Work | None":
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    self._has_thread = False
                    return None
                self._changed.wait()
            work = self._waiting.popleft()
            work.is_waiting = False
            return work

    def _work(self) -> None:
        while (work := self._next()) is not None:
            work.do()
            with self._changed:
                self._forget(work)
            # Only then: whoever hears of it may ask for as much again.
            work.tell()
            # An idle thread holds no input of a request that has been answered.
            del work


class _Work:
    """A call, and the future of its result in the event loop that waits for it."""

    def __init__(self, function: Callable[[Any], Any], given: Any, *, rows: int, size: int) -> None:
        self.rows = rows
        self.size = size
        self.is_waiting = True
        self._function = function
        self._given = given
        self._outcome: Callable[[], None] | None = None
        self._loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Any] = self._loop.create_future()

    def do(self) -> None:
        """Make the call, unless nobody waits for it."""
        if self.result.done():
            return
        try:
            self._outcome = partial(self.result.set_result, self._function(self._given))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the request that waits has to hear of it
            self._outcome = partial(self.result.set_exception, error)

    def tell(self) -> None:
        """Let the one who waits know."""
        try:
            self._loop.call_soon_threadsafe(self._settle)
        except RuntimeError:
            # The event loop has ended, and with it whoever waited.
            return

    def _settle(self) -> None:
        if self._outcome is not None and not self.result.done():
            self._outcome()
