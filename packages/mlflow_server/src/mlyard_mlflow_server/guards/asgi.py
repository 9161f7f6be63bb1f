"""What the guards speak: ASGI, and errors in MLflow's form."""

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


async def answer(
    send: Send, status: int, body: bytes, *headers: Header, content_type: bytes = b"application/json"
) -> None:
    """Send a whole answer."""
    described = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*described, *headers]})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, status: int, *headers: Header, code: str, message: str) -> None:
    """Send an error as MLflow's clients and pages read it; `code` is one of MLflow's."""
    later = [(b"retry-after", b"1")] if status == 503 else []
    await answer(send, status, json.dumps({"error_code": code, "message": message}).encode(), *headers, *later)


def values(headers: Iterable[Header], name: bytes) -> list[str]:
    """The values of all headers of a name (in lower case), as they were sent."""
    return [value.decode("latin-1").strip(" \t") for header, value in headers if header.lower() == name]
