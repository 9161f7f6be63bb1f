import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

import pytest
from mlyard_shared import delay
from mlyard_training_pipeline.orchestration.guards.asgi import Asgi, Message, Receive, Send
from mlyard_training_pipeline.orchestration.guards.credentials import FORM, JSON, Credentials
from mlyard_training_pipeline.orchestration.guards.sign_in import LARGEST, delayed_sign_in

from .calls import Answered, Application, call

SECONDS = 0.05


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delay, "FIRST_SECONDS", SECONDS)
    monkeypatch.setattr(delay, "LONGEST_SECONDS", 4 * SECONDS)


async def sign_in(
    app: Asgi, name: str = "admin", password: str = "right", *, path: str = "/auth/token", kind: str = JSON
) -> tuple[int, float]:
    """The status, and the seconds that it took."""
    started = time.monotonic()
    body = json.dumps({"username": name, "password": password}).encode()
    if kind == FORM:
        body = f"csrf_token=t&username={name}&password={password}".encode()
    answered = await call(app, "POST", path, ("Content-Type", kind), body=body)
    return answered.status, time.monotonic() - started


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


@pytest.mark.parametrize(
    "path",
    ["/auth/token", "/auth/token/", "/auth//token", "/auth/token/cli", "/auth/api/v1/security/login"],
)
def test_wrong_passwords_are_answered_later_each_time(path: str) -> None:
    async def scenario() -> None:
        app = delayed_sign_in(Application())
        for failures in range(3):
            status, seconds = await sign_in(app, password="wrong", path=path)
            assert (status, seconds >= SECONDS * 2**failures) == (401, True)

    run(scenario)


def test_a_form_that_is_sent_back_to_itself_was_a_wrong_password() -> None:
    async def scenario() -> None:
        app = delayed_sign_in(Application(location="/dags"))
        status, seconds = await sign_in(app, password="wrong", path="/auth/login/", kind=FORM)
        assert (status, seconds >= SECONDS) == (302, True)
        status, seconds = await sign_in(app, path="/auth/login/", kind=FORM)
        assert (status, seconds < SECONDS) == (302, True)

    run(scenario)


def test_a_right_password_is_neither_refused_nor_delayed_whatever_came_before() -> None:
    async def scenario() -> None:
        app = delayed_sign_in(Application())
        wrong = [asyncio.create_task(sign_in(app, password=f"wrong-{number}")) for number in range(50)]
        await asyncio.sleep(0.01)
        status, seconds = await sign_in(app)
        assert (status, seconds < SECONDS) == (201, True)
        await asyncio.gather(*wrong)
        status, seconds = await sign_in(app)
        assert (status, seconds < SECONDS) == (201, True)

    run(scenario)


def test_an_account_in_other_letters_is_the_same_one() -> None:
    async def scenario() -> None:
        app = delayed_sign_in(Application())
        await sign_in(app, name="admin", password="wrong")
        _, seconds = await sign_in(app, name="ADMIN", password="wrong")
        assert seconds >= 2 * SECONDS
        _, seconds = await sign_in(app, name="ann", password="wrong")
        assert seconds < 2 * SECONDS

    run(scenario)


class Slow(Application):
    """Takes a while to check a password, and counts how many it checks at once."""

    def __init__(self) -> None:
        super().__init__()
        self.checking = self.most = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.checking += 1
        self.most = max(self.most, self.checking)
        await asyncio.sleep(0.02)
        self.checking -= 1
        await super().__call__(scope, receive, send)


def test_a_flood_of_wrong_passwords_takes_one_thread_and_no_turn_of_those_that_are_expected() -> None:
    async def scenario() -> None:
        slow = Slow()
        app = delayed_sign_in(slow, expected=Credentials("admin", "right"))
        wrong = [asyncio.create_task(sign_in(app, password=f"wrong-{number}")) for number in range(30)]
        await asyncio.sleep(0.01)
        status, seconds = await sign_in(app)
        assert (status, seconds < 0.06) == (201, True)
        assert slow.most <= 2
        await asyncio.gather(*wrong)

    run(scenario)


def test_of_an_account_the_newest_password_is_checked_first() -> None:
    async def scenario() -> None:
        app = delayed_sign_in(Slow())
        wrong = [asyncio.create_task(sign_in(app, password=f"wrong-{number}")) for number in range(30)]
        await asyncio.sleep(0.01)
        status, seconds = await sign_in(app)
        assert (status, seconds < 0.2) == (201, True), "thirty checks take 0.6 s"
        await asyncio.gather(*wrong)

    run(scenario)


def test_more_than_can_wait_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlyard_training_pipeline.orchestration.guards.turns.MOST_PENDING", 3)

    async def scenario() -> None:
        app = delayed_sign_in(Slow(), expected=Credentials("admin", "right"))
        statuses = await asyncio.gather(*(sign_in(app, password=f"wrong-{number}") for number in range(5)))
        assert sorted(status for status, _ in statuses) == [401, 401, 401, 503, 503]
        assert (await sign_in(app))[0] == 201

    run(scenario)


UNREADABLE: dict[str, tuple[str, str, bytes]] = {
    "NUL in a name": ("/auth/token", JSON, b'{"username": "ad\\u0000min", "password": "right"}'),
    "NUL in a form": ("/auth/login/", FORM, b"username=ad%00min&password=right"),
    "NUL in a password": ("/auth/token", JSON, b'{"username": "admin", "password": "\\u0000right"}'),
    "line feed in a name": ("/auth/token", JSON, b'{"username": "a\\nb", "password": "right"}'),
    "half of a surrogate pair": ("/auth/token", JSON, b'{"username": "\\ud800", "password": "right"}'),
    "half of one in a password": ("/auth/token", JSON, b'{"username": "admin", "password": "right\\ud800"}'),
    "a number": ("/auth/token", JSON, b'{"username": 1, "password": "right"}'),
    "a list": ("/auth/token", JSON, b'{"username": ["admin"], "password": "right"}'),
    "null": ("/auth/token", JSON, b'{"username": null, "password": "right"}'),
    "no password": ("/auth/token", JSON, b'{"username": "admin"}'),
    "an empty name": ("/auth/token", JSON, b'{"username": "", "password": "right"}'),
    "a name of a kilobyte": ("/auth/token", JSON, b'{"username": "' + b"a" * 1024 + b'", "password": "right"}'),
    "a name twice": ("/auth/token", JSON, b'{"username": "a", "username": "admin", "password": "right"}'),
    "a name twice in a form": ("/auth/login/", FORM, b"username=a&username=admin&password=right"),
    "not UTF-8": ("/auth/token", JSON, b'{"username": "\xff", "password": "right"}'),
    "not UTF-8 in a form": ("/auth/login/", FORM, b"username=%ff&password=right"),
    "not JSON": ("/auth/token", JSON, b"username=admin"),
    "no object": ("/auth/token", JSON, b'["admin", "right"]'),
    "nested too deep": ("/auth/token", JSON, b"[" * 60_000),
    "empty": ("/auth/token", JSON, b""),
    "JSON where Airflow reads a form": ("/auth/login/", JSON, b'{"username": "admin", "password": "right"}'),
    "parts": ("/auth/login/", "multipart/form-data; boundary=x", b"--x--"),
}


@pytest.mark.parametrize(("path", "kind", "body"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_names_no_account_is_401_and_reaches_nothing(path: str, kind: str, body: bytes) -> None:
    app = Application()
    answered = asyncio.run(call(delayed_sign_in(app), "POST", path, ("Content-Type", kind), body=body))
    assert (answered.status, app.asked) == (401, [])
    assert b"Invalid credentials" in answered.body


def test_a_body_is_read_up_to_a_limit() -> None:
    app = Application()
    answered = asyncio.run(call(delayed_sign_in(app), "POST", "/auth/token", body=b" " * (LARGEST + 1)))
    assert (answered.status, app.asked) == (413, [])


@pytest.mark.parametrize(
    ("path", "kind", "sent", "reads"),
    [
        pytest.param(
            "/auth/token", JSON, b'{"password":"right","username":"admin"}', json.loads, id="JSON in another order"
        ),
        pytest.param("/auth/token", FORM, b"username=admin&password=right", json.loads, id="form becomes JSON"),
        pytest.param(
            "/auth/login/",
            f"{FORM}; charset=utf-8",
            b"username=admin&password=right",
            lambda body: dict(parse_qsl(body.decode())),
            id="form",
        ),
    ],
)
def test_airflow_sees_one_plain_form_whatever_was_sent(
    path: str, kind: str, sent: bytes, reads: Callable[[bytes], Any]
) -> None:
    app = Application(location="/dags" if path == "/auth/login/" else "")
    headers = [("Content-Type", kind), ("Content-Length", str(len(sent))), ("Authorization", "Bearer x")]
    asyncio.run(call(delayed_sign_in(app), "POST", path, *headers, body=sent))
    ((scope, body),) = app.asked
    assert reads(body) == {"username": "admin", "password": "right"}
    told = {name.lower(): value for name, value in scope["headers"]}
    assert told[b"content-length"] == str(len(body)).encode()
    assert b"authorization" not in told


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/auth/token"), ("POST", "/api/v2/dags"), ("POST", "/execution/token")]
)
def test_other_requests_are_left_alone(method: str, path: str) -> None:
    app = Application(right="nothing")
    body = b'{"username": 1}'
    answered: Answered = asyncio.run(call(delayed_sign_in(app), method, path, body=body))
    ((scope, _),) = app.asked
    assert (scope["path"], answered.status) == (path, 401)
