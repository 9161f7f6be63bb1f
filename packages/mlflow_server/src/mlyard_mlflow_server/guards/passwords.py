"""Passwords are checked off the event loop, and those that were right before never wait behind others.

A check costs a hash of 0.1 s. Passwords nobody has seen yet are checked one at a time, an account's newest first, so
that a flood of wrong ones takes no more than one core, and holds up no account but those that it names.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from mlyard_mlflow_server.auth import CACHE_SECONDS, AccountsUnavailable
from mlyard_mlflow_server.guards.credentials import Credentials
from mlyard_mlflow_server.guards.threads import in_daemon

ANSWER_SECONDS = 10.0
LOOK_SECONDS = 0.5
MOST_PENDING = 512
MOST_KNOWN = 1024
KNOWN_AT_ONCE = 4


class Passwords:
    """Which passwords are right, by a slow and blocking check."""

    def __init__(self, check: Callable[[str, str], bool], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._lanes: dict[str, _Lane] = {}
        self._pending = 0
        self._started: dict[object, float] = {}
        self._checking_known = asyncio.Semaphore(KNOWN_AT_ONCE)
        self._checking_new = asyncio.Semaphore(1)

    def expect(self, credentials: Credentials) -> None:
        """Let this password, once it is checked, not wait behind others: it is probably right."""
        self._known[credentials.name] = (self._digest(credentials), 0)

    async def are_right(self, credentials: Credentials) -> bool:
        """Tell whether the account has this password.

        Raises:
            AccountsUnavailable: no check ends in time, or too many wait for theirs.
        """
        known, fresh = self._is_known(credentials)
        if fresh:
            return True
        if self._pending >= MOST_PENDING and not known:
            raise AccountsUnavailable("too many sign-ins wait to be checked")
        # The check goes on when nobody waits for it any more: so the threads that it may hold up are bounded.
        checking = asyncio.create_task(self._check_known(credentials) if known else self._check_new(credentials))
        while not checking.done():
            await asyncio.wait({checking}, timeout=LOOK_SECONDS)
            if not checking.done() and self._is_stuck():
                checking.add_done_callback(_consumed)
                raise AccountsUnavailable(f"the database did not answer within {ANSWER_SECONDS:.0f} s")
        return checking.result()

    def _is_known(self, credentials: Credentials) -> tuple[bool, bool]:
        """Tell whether this password was right the last time, and whether that was just now."""
        digest, fresh_until = self._known.get(credentials.name, (b"", 0))
        known = hmac.compare_digest(digest, self._digest(credentials))
        return known, known and self._clock() < fresh_until

    def _is_stuck(self) -> bool:
        """Tell whether a check takes so long that the database must be frozen; a line of others is not."""
        return any(self._clock() - started > ANSWER_SECONDS for started in self._started.values())

    async def _check_known(self, credentials: Credentials) -> bool:
        async with self._checking_known:
            return await self._checked(credentials)

    async def _check_new(self, credentials: Credentials) -> bool:
        lane = self._lanes.setdefault(credentials.name, _Lane())
        self._pending += 1
        try:
            await lane.enter()
            try:
                async with self._checking_new:
                    return await self._checked(credentials)
            finally:
                if not lane.leave():
                    self._lanes.pop(credentials.name, None)
        finally:
            self._pending -= 1

    async def _checked(self, credentials: Credentials) -> bool:
        if self._is_known(credentials)[1]:
            return True  # another request's check has ended while this one waited for its turn
        check = object()
        self._started[check] = self._clock()
        try:
            right = await in_daemon(lambda: self._check(credentials.name, credentials.password))
        finally:
            del self._started[check]
        digest = self._digest(credentials)
        if right:
            self._known[credentials.name] = (digest, self._clock() + CACHE_SECONDS)
            self._known.move_to_end(credentials.name)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        elif self._known.get(credentials.name, (b"", 0))[0] == digest:
            del self._known[credentials.name]
        return right

    def _digest(self, credentials: Credentials) -> bytes:
        return hmac.digest(self._key, "\0".join(credentials).encode(), hashlib.sha256)


class _Lane:
    """One at a time; the newest of those who wait comes next."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[asyncio.Future[None]] = []

    async def enter(self) -> None:
        if self._taken:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._taken = True

    def leave(self) -> bool:
        """Let the next one in, and tell whether there is one."""
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return True
        self._taken = False
        return False


def _consumed(task: "asyncio.Task[bool]") -> None:
    """Look at an error that nobody waits for, or asyncio reports it as lost."""
    if not task.cancelled():
        task.exception()
