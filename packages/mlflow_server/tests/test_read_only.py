import asyncio
import base64

import pytest
from mlyard_mlflow_server.read_only import Message, Receive, Send, read_only_for_the_reader


def basic(account: str) -> str:
    return base64.b64encode(account.encode()).decode()


READER = basic("api:a-password")
PIPELINE = basic("pipeline:a-password")


async def application(scope: Message, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def answer(method: str, *headers: tuple[str, str]) -> int:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read of the request")

    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": method, "headers": encoded}
    asyncio.run(read_only_for_the_reader(application)(scope, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_the_reader_reads(method: str) -> None:
    assert answer(method, ("Authorization", f"Basic {READER}")) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"])
def test_the_reader_does_nothing_else(method: str) -> None:
    assert answer(method, ("Authorization", f"Basic {READER}")) == 403


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Authorization", f"Basic {PIPELINE}")], id="another-account"),
        pytest.param([("Authorization", f"Basic {basic('apis:a-password')}")], id="a-longer-name"),
        pytest.param([("Authorization", "Bearer token")], id="another-scheme-is-mlflows-to-judge"),
        pytest.param(
            [("Authorization", "Bearer token"), ("X-MLflow-Authorization", f"Basic {PIPELINE}")], id="gateway"
        ),
        pytest.param([], id="signed-out-is-mlflows-to-judge"),
    ],
)
def test_others_write(headers: list[tuple[str, str]]) -> None:
    assert answer("POST", *headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Authorization", f"bAsIc   {READER} ")], id="as-flask-reads-it"),
        pytest.param([("Authorization", f"Basic\t{READER}")], id="tab"),
        pytest.param([("Authorization", f"Basic\xa0{READER}")], id="no-break-space"),
        pytest.param([("Authorization", f"\x85Basic {READER}")], id="space-before"),
        pytest.param([("Authorization", "Basic ???")], id="unreadable"),
        pytest.param([("Authorization", f"Basic {basic(':a-password')}")], id="nobody"),
        pytest.param([("Authorization", f"Basic {PIPELINE}"), ("Authorization", f"Basic {READER}")], id="second"),
        pytest.param([("X-MLflow-Authorization", f"Basic {READER}")], id="gateway"),
        pytest.param([("Authorization", "Bearer token"), ("X-MLflow-Authorization", f"Basic {READER}")], id="both"),
    ],
)
def test_what_mlflow_could_take_for_the_reader_is_refused(headers: list[tuple[str, str]]) -> None:
    assert answer("POST", *headers) == 403
