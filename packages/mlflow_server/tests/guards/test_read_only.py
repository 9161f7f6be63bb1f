import asyncio

import pytest
from mlyard_mlflow_server.guards.asgi import Message, Receive, Send
from mlyard_mlflow_server.guards.read_only import read_only_for_readers
from mlyard_mlflow_server.guards.sign_in import ACCOUNT

from .calls import Application, call


def status(method: str, account: str | None, path: str = "/") -> int:
    guarded = read_only_for_readers(Application(), lambda name: name == "ann")

    async def signed_in(scope: Message, receive: Receive, send: Send) -> None:
        await guarded({**scope, ACCOUNT: account} if account else scope, receive, send)

    return asyncio.run(call(signed_in, method, path)).status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_the_reader_reads(method: str) -> None:
    assert status(method, "api") == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"])
def test_the_reader_does_nothing_else(method: str) -> None:
    assert status(method, "api") == 403


@pytest.mark.parametrize("account", ["pipeline", "apis", None])
def test_others_write(account: str | None) -> None:
    assert status("POST", account) == 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/ajax-api/2.0/mlflow/runs/search", 200), ("/graphql", 200), ("/ajax-api/2.0/mlflow/runs/create", 403)],
)
def test_a_person_who_reads_searches_in_the_pages_and_writes_nothing(path: str, expected: int) -> None:
    assert status("POST", "ann", path) == expected


def test_the_reading_service_does_not_search_by_post() -> None:
    assert status("POST", "api", "/ajax-api/2.0/mlflow/runs/search") == 403
