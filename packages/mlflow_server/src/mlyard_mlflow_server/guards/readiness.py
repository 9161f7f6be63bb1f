"""`/health/ready`: whether requests can be answered now. MLflow's own `/health` tells only that the process lives."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping

from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server.guards.asgi import SAFE, Asgi, Message, Receive, Send, answer, refuse
from mlyard_mlflow_server.guards.threads import in_daemon

PATH = "/health/ready"
ANSWER_SECONDS = 3.0
KEPT_SECONDS = 1.0
"""So long an answer is given again, so that whoever asks, with or without an account, is no load on the database."""


class Readiness:
    """The last answer of probes that may block for good, and how old it is."""

    def __init__(
        self, probes: Mapping[str, Callable[[], None]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the probes by the names of what they ask; each raises a `MlyardError` that says what is wrong."""
        self._probes = probes
        self._clock = clock
        self._asking: asyncio.Task[str] | None = None
        self._asked, self._asked_at = "", 0.0
        self._answered: tuple[float, str] | None = None

    async def problem(self) -> str:
        """Say what is wrong, or nothing, within some seconds."""
        if self._answered is not None and self._clock() - self._answered[0] < KEPT_SECONDS:
            return self._answered[1]
        if self._asking is None or self._asking.done():
            self._asking, self._asked_at = asyncio.create_task(self._ask()), self._clock()
        # Who comes while the question waits has what is left of its time: a frozen database is known as such at once.
        left = max(0.0, ANSWER_SECONDS - (self._clock() - self._asked_at))
        done, _ = await asyncio.wait([self._asking], timeout=left)
        if done:
            return self._asking.result()
        return f"{self._asked} has not answered for {self._clock() - self._asked_at:.0f} s"

    async def _ask(self) -> str:
        problem = ""
        try:
            for name, probe in self._probes.items():
                self._asked = name
                await in_daemon(probe)
        except MlyardError as error:
            problem = str(error)
        self._answered = (self._clock(), problem)
        return problem


def with_readiness(app: Asgi, readiness: Readiness) -> Asgi:
    """Return the application with its readiness at `/health/ready`, for which nobody has to sign in."""

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] not in SAFE:
            return await app(scope, receive, send)
        if problem := await readiness.problem():
            return await refuse(send, 503, code="TEMPORARILY_UNAVAILABLE", message=problem)
        return await answer(send, 200, json.dumps({"status": "ready"}).encode())

    return guarded
