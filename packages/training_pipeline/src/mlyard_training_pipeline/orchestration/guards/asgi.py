"""What the guards speak: ASGI, and errors in the form of Airflow's API."""

import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]
Header = tuple[bytes, bytes]

SAFE = {"GET", "HEAD", "OPTIONS"}
"""The methods of requests that change nothing."""


async def refuse(send: Send, status: int, detail: str, *headers: Header) -> None:
    """Send an error as Airflow's clients and pages read it."""
    body = json.dumps({"detail": detail}).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*described, *headers]})
    await send({"type": "http.response.body", "body": body})


def values(headers: Iterable[Header], name: bytes) -> list[str]:
    """The values of all headers of a name (in lower case), as they were sent."""
    return [value.decode("latin-1").strip(" \t") for header, value in headers if header.lower() == name]
