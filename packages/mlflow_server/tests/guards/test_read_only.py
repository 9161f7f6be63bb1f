import asyncio

import pytest
from mlyard_mlflow_server.guards.asgi import Message, Receive, Send
from mlyard_mlflow_server.guards.read_only import read_only_for_the_reader
from mlyard_mlflow_server.guards.sign_in import ACCOUNT

from .calls import Application, call


def status(method: str, account: str | None) -> int:
    guarded = read_only_for_the_reader(Application())

    async def signed_in(scope: Message, receive: Receive, send: Send) -> None:
        await guarded({**scope, ACCOUNT: account} if account else scope, receive, send)

    return asyncio.run(call(signed_in, method, "/")).status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_the_reader_reads(method: str) -> None:
    assert status(method, "api") == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"])
def test_the_reader_does_nothing_else(method: str) -> None:
    assert status(method, "api") == 403


@pytest.mark.parametrize("account", ["pipeline", "apis", None])
def test_others_write(account: str | None) -> None:
    assert status("POST", account) == 200
