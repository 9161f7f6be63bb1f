"""Whose password is checked next: those that were right before never wait behind others.

A check costs a hash of 0.1 s and one of the server's few threads. Passwords nobody has seen yet are checked one at a
time, an account's newest first, so that a flood of wrong ones takes no more than one thread and holds up no account but
those that it names.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mlyard_training_pipeline.orchestration.guards.credentials import Credentials

MOST_PENDING = 256
MOST_KNOWN = 1024
KNOWN_AT_ONCE = 8


class TooMany(Exception):
    """More sign-ins wait than are let wait."""


class Turns:
    """The line of those who wait for the check of their password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lanes: dict[str, _Lane] = {}
        self._pending = 0
        self._checking_known = asyncio.Semaphore(KNOWN_AT_ONCE)
        self._checking_new = asyncio.Semaphore(1)

    @asynccontextmanager
    async def turn(self, credentials: Credentials) -> AsyncIterator[None]:
        """Wait for the turn of these credentials.

        Raises:
            TooMany: they are new, and the line is full.
        """
        if self.is_known(credentials):
            async with self._checking_known:
                yield
            return
        if self._pending >= MOST_PENDING:
            raise TooMany
        lane = self._lanes.setdefault(credentials.account, _Lane())
        self._pending += 1
        try:
            async with lane, self._checking_new:
                yield
        finally:
            self._pending -= 1
            if lane.is_empty:
                self._lanes.pop(credentials.account, None)

    def is_known(self, credentials: Credentials) -> bool:
        """Tell whether this password was right the last time, or is expected to be."""
        return hmac.compare_digest(self._known.get(credentials.account, b""), self._digest(credentials))

    def was_right(self, credentials: Credentials) -> None:
        """Let this password not wait behind others the next time."""
        self._known[credentials.account] = self._digest(credentials)
        self._known.move_to_end(credentials.account)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def was_wrong(self, credentials: Credentials) -> None:
        """Forget a password that is not right any more."""
        if self.is_known(credentials):
            del self._known[credentials.account]

    def _digest(self, credentials: Credentials) -> bytes:
        return hmac.digest(self._key, f"{credentials.account}\0{credentials.password}".encode(), hashlib.sha256)


class _Lane:
    """One at a time; the newest of those who wait comes next."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_empty(self) -> bool:
        return not self._taken

    async def __aenter__(self) -> None:
        if self._taken:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._pass_on()
                raise
        self._taken = True

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False
