"""Clients that give up, against the whole application."""

import json
import threading
import time
from typing import Any

import pytest
import uvicorn
from mlyard_model_api.app import create_app
from mlyard_model_api.server import listen
from mlyard_model_api.serving.version import ServedVersion
from mlyard_model_api.settings import Settings
from mlyard_model_api.transport.connection import connections
from mlyard_model_api.transport.shared import Limits

from ..conftest import KEY
from ..fake_registry import FakeRegistry
from .conftest import Client, until

BODY = json.dumps({"columns": {"a": [1] * 1000}})
ASK = (
    f"POST /models/diabetes/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
)


def test_what_clients_asked_for_who_have_gone_is_not_computed(
    settings: Settings, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, go, predict = [], threading.Event(), ServedVersion.predict

    def slow(version: ServedVersion, columns: Any) -> Any:
        calls.append(version)
        assert go.wait(20)
        return predict(version, columns)

    registry.promote("diabetes", 1)
    listener = listen(settings.model_copy(update={"port": 0}))
    http: Any = connections(Limits(headers=5, idle=5, unread=2**26))
    server = uvicorn.Server(uvicorn.Config(create_app(settings, registry=registry), http=http, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        port = listener.getsockname()[1]

        def ask() -> Client:
            client = Client(port)
            client.send(ASK)
            return client

        def answers() -> bool:
            client = ask()
            status, *_ = client.answer()
            client.socket.close()
            return status == 200

        until(answers, seconds=15)
        monkeypatch.setattr(ServedVersion, "predict", slow)
        clients = [ask() for _ in range(20)]
        until(lambda: bool(calls))
        for client in clients:
            client.socket.close()
        until(lambda: not server.server_state.connections)
        last = ask()
        go.set()
        started = time.monotonic()
        assert last.answer()[0] == 200
        assert time.monotonic() - started < 2
        last.socket.close()
        # The one that ran, and the last: eighteen and more were dropped.
        assert len(calls) == 2
    finally:
        go.set()
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive()
