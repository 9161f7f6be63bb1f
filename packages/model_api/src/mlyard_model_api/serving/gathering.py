"""Requests that come at the same time, answered together in the event loop.

None waits for others that may come: what is gathered are the requests whose bytes are there already when the first of
them is read. Where requests come one by one, each is answered at once, and after some of them only every few requests
are looked at for others beside them: to be told of the end of a turn takes the event loop a turn of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

LONE_TURNS = 8
"""After so many turns with a single request in each, as many requests are answered without a look for others."""


class Waiting(NamedTuple):
    """Who waits for a result: how it is told, with the result or what is raised, and whether it has gone."""

    tell: Callable[[Any], None]
    is_gone: Callable[[], bool]


class Gathering:
    """What is gathered for one version. Not for several threads."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._gathered: list[tuple[Any, Waiting]] = []
        self._rows = 0
        self._turns = False
        self._this_turn = self._last_turn = 0
        self._lone_turns = self._unseen = 0

    def add(
        self, function: Callable[[list[Any]], Sequence[Any]], given: Any, waiting: Waiting, *, rows: int, most: int
    ) -> None:
        """Tell who waits the result of what is given, now or at the end of this turn of the event loop.

        Args:
            function: is given all that was gathered, and returns for each its result or what is raised.
            given: what this request adds.
            waiting: who is told.
            rows: how many rows that is.
            most: how many rows are answered together.
        """
        if not self._turns:
            if self._lone_turns >= LONE_TURNS and self._unseen < LONE_TURNS:
                self._unseen += 1
                _answer(function, [(given, waiting)])
                return
            self._turns = True
            asyncio.get_running_loop().call_soon(self._turn, function)
        self._this_turn += 1
        if rows >= most or (self._this_turn == 1 and self._last_turn <= 1):
            _answer(function, [(given, waiting)])
            return
        if self._rows + rows > most:
            self._answer_gathered(function)
        self._gathered.append((given, waiting))
        self._rows += rows

    def _turn(self, function: Callable[[list[Any]], Sequence[Any]]) -> None:
        self._turns = False
        self._lone_turns = self._lone_turns + 1 if self._this_turn <= 1 else 0
        self._last_turn, self._this_turn, self._unseen = self._this_turn, 0, 0
        self._answer_gathered(function)

    def _answer_gathered(self, function: Callable[[list[Any]], Sequence[Any]]) -> None:
        gathered, self._gathered, self._rows = self._gathered, [], 0
        _answer(function, [(given, waiting) for given, waiting in gathered if not waiting.is_gone()])


def _answer(function: Callable[[list[Any]], Sequence[Any]], requests: list[tuple[Any, Waiting]]) -> None:
    if not requests:
        return
    outcomes: Sequence[Any]
    try:
        outcomes = function([given for given, _ in requests])
    except Exception as error:  # noqa: BLE001 - whatever it is, the requests that wait have to hear of it
        outcomes = [error] * len(requests)
    for (_, waiting), outcome in zip(requests, outcomes, strict=True):
        waiting.tell(outcome)
