"""Whoever sends wrong passwords waits for the answer, longer each time; whoever sends a right one never does.

An account's failures count wherever they come from, since behind Docker's gateway all clients share an address. They
delay the answers to wrong passwords only, so nobody is locked out by another's failures.
"""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 10.0
FORGET_SECONDS = 60.0
"""After each such time without a failure, one failure is forgotten."""
MOST_FAILURES = 10
ACCOUNTS = 4096
"""Accounts are told apart by a hash with this many values, so that no list of names grows."""
MOST_WAITING = 512
"""If more wait, the one that has waited longest is answered: it holds a connection and some kilobytes."""


class Delay:
    """How long the answer to the next wrong password of an account waits."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(16)
        self._failures: dict[int, tuple[int, float]] = {}
        self._waiting: OrderedDict[asyncio.Event, None] = OrderedDict()

    def failed(self, account: str) -> float:
        """Note a failure, and return the seconds from its request to its answer."""
        now = self._clock()
        place = self._place(account)
        failures, last = self._failures.get(place, (0, now))
        failures = min(max(0, failures - int((now - last) / FORGET_SECONDS)) + 1, MOST_FAILURES)
        self._failures[place] = (failures, now)
        return min(FIRST_SECONDS * (1 << failures - 1), LONGEST_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Wait, or be let go when too many do."""
        answered = asyncio.Event()
        self._waiting[answered] = None
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)[0].set()
        try:
            async with asyncio.timeout(max(0, seconds)):
                await answered.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.pop(answered, None)

    def _place(self, account: str) -> int:
        digest = hashlib.blake2b(account.encode(), key=self._key, digest_size=4).digest()
        return int.from_bytes(digest) % ACCOUNTS
