"""A process ends when it is told to, even where a request hangs on a frozen database."""

import asyncio
import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

from mlyard_mlflow_server.guards.asgi import Asgi, Message, Receive, Send, refuse

SECONDS = 2.0
"""With the 3 s that uvicorn waits for requests it stays well below the 10 s after which containers are killed."""


def ended_in_time(app: Asgi) -> Asgi:
    """Return the application, whose process is gone some seconds after uvicorn has shut it down.

    Python itself would wait for every thread, and MLflow answers in threads.
    """

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        async def watched() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                end = threading.Timer(SECONDS, os._exit, args=(0,))
                end.daemon = True
                end.start()
            return message

        if scope["type"] == "lifespan":
            await app(scope, watched, send)
        else:
            await _answered(app, scope, receive, send)

    return guarded


async def _answered(app: Asgi, scope: Message, receive: Receive, send: Send) -> None:
    """Answer a request also where uvicorn, which has waited for it long enough, cuts it off."""
    is_sent = False

    async def noted(message: Message) -> None:
        nonlocal is_sent
        is_sent = True
        await send(message)

    try:
        await app(scope, receive, noted)
    except asyncio.CancelledError:
        if not is_sent and scope["type"] == "http":
            await refuse(send, 503, code="TEMPORARILY_UNAVAILABLE", message="the server is stopping: try again")


def end_with_the_supervisor() -> None:
    """Stop once uvicorn's supervisor is gone: were it killed, its workers would keep the port."""
    if supervisor := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(supervisor,), name="end-with-supervisor", daemon=True).start()


def _end_with(supervisor: BaseProcess) -> None:
    supervisor.join()
    os.kill(os.getpid(), signal.SIGTERM)
