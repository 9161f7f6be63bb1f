"""A server that is told to end, while a request of it hangs for good."""

import asyncio
import subprocess
import sys
import time

from mlyard_mlflow_server.guards import ending
from mlyard_mlflow_server.guards.asgi import Message, Receive, Send

from .calls import Answered, call

CODE = """
import threading, time
from mlyard_mlflow_server.guards.ending import ended_in_time

async def app(scope, receive, send):
    await receive()
    threading.Thread(target=time.sleep, args=(60,)).start()

async def receive():
    return {"type": "lifespan.shutdown"}

import asyncio
asyncio.run(ended_in_time(app)({"type": "lifespan"}, receive, None))
"""


def test_a_process_does_not_wait_for_a_thread_that_hangs() -> None:
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", CODE], check=False, timeout=50)
    assert done.returncode == 0
    assert ending.SECONDS <= time.monotonic() - started < 30


def test_a_request_that_is_cut_off_is_answered() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    async def run() -> Answered:
        request = asyncio.create_task(call(ending.ended_in_time(app), "GET", "/"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        request.cancel()
        return await request

    answered = asyncio.run(run())
    assert (answered.status, answered.headers["retry-after"]) == (503, "1")
    assert "stopping" in answered.error["message"]
