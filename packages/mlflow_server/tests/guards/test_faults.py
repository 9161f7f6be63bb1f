import asyncio
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_mlflow_server.guards import faults, notices
from mlyard_mlflow_server.guards.asgi import Asgi, Message, Receive, Send
from mlyard_mlflow_server.guards.faults import named_faults
from mlyard_mlflow_server.storage import Fault, Storage

from ..servers import Server
from .calls import Answered, Application, call

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def _nothing_said_yet() -> None:
    notices._said.clear()


def ask(app: Asgi) -> Answered:
    storage = Storage(database="mlflow on database", artifacts=Path("/artifacts"))
    return asyncio.run(call(named_faults(app, storage), "PUT", "/"))


async def raising(scope: Message, receive: Receive, send: Send) -> None:
    await Application(status=500, body=b"Internal Server Error")(scope, receive, send)
    raise FULL


def test_a_full_volume_is_told_instead_of_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    answered = ask(raising)
    assert answered.status == 507
    assert answered.error["error_code"] == "RESOURCE_EXHAUSTED"
    assert answered.error["message"].startswith("the volume of the artifacts (/artifacts) is full: free space there")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_what_was_met_in_a_thread_of_the_request_is_told_instead_of_its_error() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        def work() -> None:
            faults._meet(Fault(507, "RESOURCE_EXHAUSTED", "the database is full"))

        await asyncio.to_thread(work)
        await Application(status=400, body=b"SELECT secret FROM table")(scope, receive, send)

    answered = ask(app)
    assert (answered.status, answered.error["message"]) == (507, "the database is full")


def test_what_the_request_got_over_is_not_told() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        faults._meet(Fault(503, "TEMPORARILY_UNAVAILABLE", "the database was away"))
        await Application()(scope, receive, send)

    assert ask(app).status == 200


def test_one_requests_fault_is_not_anothers() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == "/full":
            faults._meet(Fault(507, "RESOURCE_EXHAUSTED", "the database is full"))
        await asyncio.sleep(0.01)
        await Application(status=404)(scope, receive, send)

    async def both() -> list[int]:
        guarded = named_faults(app, Storage(database="", artifacts=None))
        answered = await asyncio.gather(*(call(guarded, "GET", path) for path in ("/full", "/other", "/full")))
        return [answer.status for answer in answered]

    assert asyncio.run(both()) == [507, 404, 507]


def test_other_errors_are_mlflows() -> None:
    assert ask(Application(status=404, body=b"not here")).body == b"not here"

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await Application(status=500, body=b"a mistake")(scope, receive, send)
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    with pytest.raises(ConnectionResetError):
        ask(app)


def test_the_error_of_a_request_whose_client_has_hung_up_is_nobodys() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if (await receive())["type"] == "http.disconnect":
            raise ValueError("the client has gone")

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there")

    guarded = named_faults(app, Storage(database="", artifacts=None))
    asyncio.run(guarded({"type": "http", "method": "PUT", "path": "/", "headers": []}, gone, send))


def test_an_answer_that_was_sent_is_not_sent_twice() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await Application()(scope, receive, send)
        raise FULL

    with pytest.raises(OSError, match="No space left"):
        ask(app)


def test_a_flood_of_faults_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    threads = [threading.Thread(target=ask, args=(raising,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(caplog.records) == 1


def test_an_upload_that_is_cut_off_leaves_nothing(server: Server) -> None:
    path = "/api/2.0/mlflow-artifacts/artifacts/0/cut-off/artifacts/file"
    request = f"PUT {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Length: 9000000\r\n\r\n"
    folder = server.folder / "mlflow-data" / "artifacts" / "0" / "cut-off" / "artifacts"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request.encode() + bytes(1_000_000))
        wait_until(lambda: folder.exists() and any(folder.iterdir()))
    wait_until(lambda: not any(folder.iterdir()))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
