"""Applications called without a server."""

import json
from dataclasses import dataclass, field
from typing import Any

from mlyard_mlflow_server.guards.asgi import Asgi, Header, Message, Receive, Send


@dataclass
class Answered:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        assert set(found) == {"error_code", "message"}
        return found


class Application:
    """Answers 200, and keeps what it was asked."""

    def __init__(self, *, status: int = 200, content_type: str = "application/json", body: bytes = b"{}") -> None:
        self.asked: list[Message] = []
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"Content-Type", content_type.encode())],
        }
        self._body = body

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.asked.append(scope)
        await send(self._start)
        await send({"type": "http.response.body", "body": self._body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def header(self, name: str) -> list[str]:
        """The values of a header in the last request that came here."""
        return [value.decode() for key, value in self.asked[-1]["headers"] if key.decode().lower() == name]


async def call(app: Asgi, method: str, path: str, *headers: tuple[str, str]) -> Answered:
    answered = Answered()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not answered.status, "an answer starts once"
            answered.status = message["status"]
            answered.headers = {key.decode().lower(): value.decode() for key, value in message["headers"]}
        else:
            answered.body += message.get("body", b"")

    async def receive() -> Message:
        raise AssertionError("nothing is read of the request")

    encoded: list[Header] = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await app({"type": "http", "method": method, "path": path, "headers": encoded}, receive, send)
    return answered
