"""A server on a real socket, with an application that answers in the ways that matter to a connection."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import uvicorn
from mlyard_model_api.server import listen
from mlyard_model_api.settings import Settings
from mlyard_model_api.transport.connection import connections
from mlyard_model_api.transport.shared import Limits
from starlette.types import Receive, Scope, Send


class Application:
    """Answers `/echo` with the body, `/early` without reading it, `/slow` after `seconds`, `/fail` not at all."""

    def __init__(self) -> None:
        self.seconds = 0.5
        self.requests: list[Scope] = []
        self.cancelled = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.requests.append(scope)
        content = b""
        if scope["path"] == "/fail":
            raise KeyError("secret")
        if scope["path"] == "/slow":
            try:
                await asyncio.sleep(self.seconds)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        status = 401 if scope["path"] == "/early" else 200
        if status == 200:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    status, more = 400, False
                else:
                    content += message["body"]
                    more = message["more_body"]
        await send({"type": "http.response.start", "status": status, "headers": []})
        if scope["path"] == "/parts":
            for _ in range(3):
                await send({"type": "http.response.body", "body": b"part", "more_body": True})
        await send({"type": "http.response.body", "body": content})


class Client:
    """A socket that speaks bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def send(self, *parts: str | bytes) -> None:
        self.socket.sendall(b"".join(part.encode() if isinstance(part, str) else part for part in parts))

    def read(self) -> bytes:
        """All that comes until the server ends the connection."""
        found = b""
        while part := self.socket.recv(65536):
            found += part
        return found

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """One answer with a Content-Length: its status, headers and body."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = self.socket.recv(1)
            assert part, f"the connection ended after {head!r}"
            head += part
        status, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = b""
        length = int(headers.get("content-length", 0))
        while len(body) < length:
            part = self.socket.recv(length - len(body))
            if not part:
                raise ConnectionError("the connection ended within an answer")
            body += part
        return int(status.split()[1]), headers, body

    def error(self) -> tuple[int, str]:
        """One answer in our form for errors, after which the connection ends: its status and code."""
        status, headers, body = self.answer()
        error = json.loads(body)["error"]
        assert set(error) == {"code", "message", "row", "column", "problems"}
        assert headers["connection"] == "close"
        assert headers["x-request-id"]
        assert headers["content-type"] in ("application/json", "application/problem+json")
        assert self.read() == b""
        return status, error["code"]


class Serving:
    """A server that runs in a thread."""

    def __init__(self, application: Application, server: uvicorn.Server, port: int) -> None:
        self.application = application
        self.server = server
        self.port = port
        self._clients: list[Client] = []

    def connect(self) -> Client:
        self._clients.append(Client(self.port))
        return self._clients[-1]

    def ask(self, *parts: str | bytes) -> Client:
        client = self.connect()
        client.send(*parts)
        return client

    def stop(self) -> None:
        self.server.should_exit = True

    def close(self) -> None:
        for client in self._clients:
            client.socket.close()


Serve = Callable[..., AbstractContextManager[Serving]]


@pytest.fixture
def serve() -> Serve:
    @contextmanager
    def run(*, headers: float = 5, idle: float = 5, unread: int = 2**26) -> Iterator[Serving]:
        application = Application()
        listener = listen(Settings().model_copy(update={"port": 0}))
        http: Any = connections(Limits(headers=headers, idle=idle, unread=unread))
        server = uvicorn.Server(
            uvicorn.Config(application, http=http, log_config=None, lifespan="off", timeout_graceful_shutdown=3)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        serving = Serving(application, server, listener.getsockname()[1])
        try:
            yield serving
        finally:
            serving.close()
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()

    return run


@pytest.fixture
def serving(serve: Serve) -> Iterator[Serving]:
    with serve() as found:
        yield found


def until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
