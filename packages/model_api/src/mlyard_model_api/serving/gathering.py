"""Requests that come at the same time, answered together in the event loop.

The first one waits until those have been read whose bytes are there already, and not for any that may come.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


class Gathering:
    """What is gathered for one version. Not for several threads."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._function: Callable[[list[Any]], Sequence[Any]]
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._rows = 0

    async def join(
        self,
        function: Callable[[list[Given]], Sequence[Result | Exception]],
        given: Given,
        *,
        rows: int,
        most: int,
    ) -> Result:
        """Return the result of what is given, by a function that takes all that is gathered; up to `most` rows."""
        loop = asyncio.get_running_loop()
        if self._rows + rows > most:
            self._answer()
        if not self._waiting:
            self._function = function
            loop.call_soon(self._answer)
        result: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((given, result))
        self._rows += rows
        return await result

    def _answer(self) -> None:
        waiting = [(given, result) for given, result in self._waiting if not result.done()]
        self._waiting, self._rows = [], 0
        if not waiting:
            return
        try:
            outcomes = self._function([given for given, _ in waiting])
        except BaseException as error:  # noqa: BLE001 - whatever it is, the requests that wait have to hear of it
            outcomes = [error] * len(waiting)
        for (_, result), outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                result.set_exception(outcome)
            else:
                result.set_result(outcome)
