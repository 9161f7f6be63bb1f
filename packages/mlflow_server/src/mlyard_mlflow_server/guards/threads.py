"""Work that may block for good, off the event loop.

The threads are daemons, unlike those of an executor: one that a frozen database holds up does not hold up the end of
the process.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_daemon(function: Callable[[], T]) -> T:
    """Run the function in a thread of its own, and return or raise what it does."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            _tell(loop, done, partial(done.set_exception, error))
        else:
            _tell(loop, done, partial(done.set_result, result))

    threading.Thread(target=run, name=getattr(function, "__name__", "daemon"), daemon=True).start()
    return await done


def _tell(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", settle: Callable[[], None]) -> None:
    def once() -> None:
        if not done.done():
            settle()

    with suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(once)
