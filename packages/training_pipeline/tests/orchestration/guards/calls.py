"""Applications called without a server."""

from dataclasses import dataclass, field

from mlyard_training_pipeline.orchestration.guards.asgi import Asgi, Header, Message, Receive, Send


@dataclass
class Answered:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Application:
    """Answers as Airflow does at a place of sign-in, where only one password is right; keeps what it was asked."""

    def __init__(self, *, right: str = "right", location: str = "") -> None:
        self.asked: list[tuple[Message, bytes]] = []
        self._right = right
        self._location = location

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = (await receive())["body"] if scope["method"] == "POST" else b""
        self.asked.append((scope, body))
        is_right = self._right.encode() in body
        if self._location:
            location = self._location if is_right else "/auth/login/?next=%2F"
            await send(_start(302, (b"location", location.encode())))
        else:
            await send(_start(201 if is_right else 401))
        await send({"type": "http.response.body", "body": b"{}"})


def _start(status: int, *headers: Header) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


async def call(app: Asgi, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> Answered:
    answered = Answered()
    parts = [body[start : start + 7] for start in range(0, len(body), 7)] or [b""]

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not answered.status, "an answer starts once"
            answered.status = message["status"]
            answered.headers = {key.decode().lower(): value.decode() for key, value in message["headers"]}
        else:
            answered.body += message.get("body", b"")

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    encoded: list[Header] = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await app({"type": "http", "method": method, "path": path, "headers": encoded}, receive, send)
    return answered
