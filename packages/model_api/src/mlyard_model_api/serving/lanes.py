"""Where predictions are made: a queue and a thread for each version, so that a slow one delays no other."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
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
        result: Result = await self._run(_Work(function, given, rows=rows, size=size))
        return result

    async def join(
        self,
        function: Callable[[list[Given]], Sequence[Result | Exception]],
        given: Given,
        *,
        rows: int,
        size: int,
        most: int,
    ) -> Result:
        """Do the same as `run`, together with what else waits when it is this work's turn, up to `most` rows.

        Args:
            function: is given all that is done together, and returns for each its result or what is raised. Whatever
                joins in a lane is done by equal functions.
            given: what this work adds.
            rows: how much work that is.
            size: how many bytes that is.
            most: how many rows are done together, 1 for each on its own.

        Raises:
            Overloaded: too much waits.
        """
        result: Result = await self._run(_Work(function, given, rows=rows, size=size, most=most))
        return result

    async def _run(self, work: "_Work") -> Any:
        rows, size = work.rows, work.size
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
            return await work.result
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

    def _next(self) -> "list[_Work]":
        """Take what is done next: one piece of work, and what is done together with it; nothing at the end."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    self._has_thread = False
                    return []
                self._changed.wait()
            taken = [self._waiting.popleft()]
            rows, most = taken[0].rows, taken[0].most
            while self._waiting and self._waiting[0].most > 1 and rows + self._waiting[0].rows <= most:
                taken.append(self._waiting.popleft())
                rows += taken[-1].rows
            for work in taken:
                work.is_waiting = False
            return taken

    def _work(self) -> None:
        while works := self._next():
            _do([work for work in works if not work.result.done()])
            with self._changed:
                for work in works:
                    self._forget(work)
            # Only then: whoever hears of it may ask for as much again.
            _tell(works)
            # An idle thread holds no input of a request that has been answered.
            works.clear()


class _Work:
    """A call, and the future of its result in the event loop that waits for it."""

    def __init__(self, function: Callable[[Any], Any], given: Any, *, rows: int, size: int, most: int = 0) -> None:
        """`most` is 0 where the function takes what is given, else it takes a list."""
        self.rows = rows
        self.size = size
        self.most = most
        self.function = function
        self.given = given
        self.is_waiting = True
        self.outcome: Any = None
        self.loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Any] = self.loop.create_future()

    def settle(self) -> None:
        """Let the one who waits know."""
        if self.result.done():
            return
        if isinstance(self.outcome, BaseException):
            self.result.set_exception(self.outcome)
        else:
            self.result.set_result(self.outcome)


def _do(works: list[_Work]) -> None:
    """Make the call of works that someone waits for."""
    if not works:
        return
    first = works[0]
    try:
        if first.most:
            for work, outcome in zip(works, first.function([work.given for work in works]), strict=True):
                work.outcome = outcome
        else:
            first.outcome = first.function(first.given)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the requests that wait have to hear of it
        for work in works:
            work.outcome = error


def _tell(works: list[_Work]) -> None:
    told = list(works)
    try:
        told[0].loop.call_soon_threadsafe(_settle, told)
    except RuntimeError:
        # The event loop has ended, and with it whoever waited.
        return


def _settle(works: list[_Work]) -> None:
    for work in works:
        work.settle()
