"""Wherever Airflow checks a password, wrong ones are answered late, and what is no credentials at all is 401."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from mlyard_shared.delay import Delay

from mlyard_training_pipeline.orchestration.guards import credentials as bodies
from mlyard_training_pipeline.orchestration.guards.asgi import Asgi, Message, Receive, Send, refuse, values
from mlyard_training_pipeline.orchestration.guards.credentials import FORM, JSON, Credentials, Unreadable
from mlyard_training_pipeline.orchestration.guards.turns import TooMany, Turns

PLACES: Mapping[tuple[str, ...], str] = {
    ("auth", "token"): JSON,
    ("auth", "token", "cli"): JSON,
    ("auth", "login"): FORM,
    ("auth", "api", "v1", "security", "login"): JSON,
}
"""The paths at which Airflow's auth managers check a password, with the media type that Airflow reads there."""

LARGEST = 64 << 10
"""Bytes of a body."""

WRONG = "Invalid credentials"


def delayed_sign_in(app: Asgi, *, expected: Credentials | None = None) -> Asgi:
    """Return the application with its places of sign-in guarded.

    `expected` are credentials of the service's own, whose first use does not wait behind others either.
    """
    delay, turns = Delay(), Turns()
    if expected is not None:
        turns.was_right(expected)

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        kind = _kind(scope)
        if kind is None:
            return await app(scope, receive, send)
        started = time.monotonic()
        body = await _body(receive)
        if body is None:
            return await refuse(send, 413, f"a sign-in has at most {LARGEST} bytes")
        try:
            known, fields = bodies.read(body, _media_type(scope, kind))
        except Unreadable:
            return await refuse(send, 401, f"{WRONG}: give username and password as {kind}")
        answer, plain = _Answer(send), bodies.written(fields, kind)
        try:
            async with turns.turn(known):
                await app(_rewritten(scope, kind, len(plain)), _replayed(plain, receive), answer.keep)
        except TooMany:
            return await refuse(send, 503, "too many sign-ins wait: try again", (b"retry-after", b"1"))
        if answer.is_refusal:
            turns.was_wrong(known)
            # From the start of the request, so that the time does not tell whether there is such an account.
            await delay.wait(delay.failed(known.account) - (time.monotonic() - started))
        elif answer.status // 100 == (3 if kind == FORM else 2):
            turns.was_right(known)
        return await answer.give()

    return guarded


class _Answer:
    """Airflow's answer, which is kept until it is known when it may go."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._kept: list[Message] = []

    async def keep(self, message: Message) -> None:
        self._kept.append(message)

    async def give(self) -> None:
        for message in self._kept:
            await self._send(message)

    @property
    def status(self) -> int:
        return int(self._kept[0]["status"]) if self._kept else 500

    @property
    def is_refusal(self) -> bool:
        """Whether the password was wrong: a form is then sent back to where it came from."""
        if self.status in (401, 403):
            return True
        back = values(self._kept[0]["headers"], b"location") if 300 <= self.status < 400 else []
        return any(_parts(urlsplit(location).path)[-1:] == ("login",) for location in back)


def _kind(scope: Message) -> str | None:
    """The media type that Airflow reads credentials in, None where a request brings none."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    return PLACES.get(_parts(scope["path"].removeprefix(scope.get("root_path", ""))))


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _media_type(scope: Message, kind: str) -> str:
    """What the body is said to be. Where Airflow reads JSON a form does as well; a form is read as that alone."""
    given = [value.partition(";")[0].strip().lower() for value in values(scope["headers"], b"content-type")] or [kind]
    if given not in ([kind], [FORM]):
        raise Unreadable
    return given[0]


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None where it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _rewritten(scope: Message, kind: str, length: int) -> Message:
    dropped = {b"content-type", b"content-length", b"transfer-encoding", b"content-encoding", b"authorization"}
    headers = [header for header in scope["headers"] if header[0].lower() not in dropped]
    described = [(b"content-type", kind.encode()), (b"content-length", str(length).encode())]
    return {**scope, "headers": [*headers, *described]}


def _replayed(body: bytes, receive: Receive) -> Callable[[], Any]:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
