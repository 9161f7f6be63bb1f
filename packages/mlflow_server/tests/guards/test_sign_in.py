import asyncio
import base64
import time

import httpx
import pytest
from mlyard_mlflow_server.auth import AccountsUnavailable
from mlyard_mlflow_server.guards.passwords import Passwords
from mlyard_mlflow_server.guards.sign_in import ACCOUNT, signed_in_only
from mlyard_shared import delay

from ..servers import PASSWORDS, Server
from .calls import Answered, Application, call
from .test_credentials import UNREADABLE, basic

RIGHT = basic("admin:right")


class Gate:
    """The sign-in in front of an application, with one account."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.app = Application()
        self.gate = signed_in_only(self.app, Passwords(self.check), is_open=lambda path: path.startswith("/health"))

    def check(self, name: str, password: str) -> bool:
        if name == "away":
            raise AccountsUnavailable("the database is away")
        self.checked.append(name)
        return (name, password) == ("admin", "right")

    def __call__(self, *values: str, path: str = "/", method: str = "GET", **more: str) -> Answered:
        headers = [("Authorization", value) for value in values]
        headers += [(name.replace("_", "-"), value) for name, value in more.items()]
        return asyncio.run(call(self.gate, method, path, *headers))


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delay, "LONGEST_SECONDS", 0)


def test_the_right_password_comes_in_as_its_account() -> None:
    gate = Gate()
    assert gate(RIGHT).status == 200
    assert gate.app.asked[0][ACCOUNT] == "admin"


def test_mlflow_gets_one_plain_header_whatever_was_sent() -> None:
    gate = Gate()
    assert gate(RIGHT.replace("Basic ", "bASIC    "), X_MLflow_Authorization=basic("mallory:x")).status == 200
    assert gate.app.header("authorization") == [RIGHT]
    assert gate.app.header("x-mlflow-authorization") == []


@pytest.mark.parametrize("values", [[], [basic("admin:wrong")], [RIGHT, RIGHT], *([v] for v in UNREADABLE.values())])
def test_nothing_else_does(values: list[str]) -> None:
    gate = Gate()
    for path, method in (("/", "GET"), ("/api/2.0/mlflow-artifacts/artifacts/x", "PUT"), ("/gateway/x", "POST")):
        refused = gate(*values, path=path, method=method)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith('Basic realm="mlflow"')
        assert refused.error["error_code"] == "UNAUTHENTICATED"
    assert gate.app.asked == []


def test_what_cannot_be_an_account_is_not_looked_up() -> None:
    gate = Gate()
    for value in UNREADABLE.values():
        gate(value)
    assert gate.checked == []


def test_on_the_gateways_routes_the_other_header_counts_and_the_first_goes_through() -> None:
    gate = Gate()
    path = "/gateway/chat/mlflow/invocations"
    assert gate("Bearer key-of-a-provider", path=path, X_MLflow_Authorization=RIGHT).status == 200
    assert gate.app.header("authorization") == ["Bearer key-of-a-provider"]
    assert gate.app.header("x-mlflow-authorization") == [RIGHT]
    assert gate("Bearer key-of-a-provider", path="/graphql", X_MLflow_Authorization=RIGHT).status == 401
    assert gate(RIGHT, path=path).status == 200
    assert gate(RIGHT, path=path, X_MLflow_Authorization=basic("admin:wrong")).status == 401


@pytest.mark.parametrize("value", [RIGHT, basic("admin:wrong"), "Bearer token"])
def test_an_open_path_is_for_everyone_and_signs_nobody_in(value: str) -> None:
    gate = Gate()
    assert gate(value, path="/health").status == 200
    assert gate.app.header("authorization") == []
    assert ACCOUNT not in gate.app.asked[0]


def test_a_browser_may_ask_what_it_may_send() -> None:
    gate = Gate()
    assert gate(method="OPTIONS", Access_Control_Request_Method="POST").status == 200
    assert gate(method="OPTIONS").status == 401


def test_a_check_that_cannot_be_made_is_no_refusal() -> None:
    refused = Gate()(basic("away:right"))
    assert refused.status == 503
    assert refused.headers["retry-after"] == "1"
    assert "the database is away" in refused.error["message"]


def test_the_answer_takes_the_same_time_whether_there_is_such_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delay, "LONGEST_SECONDS", 0.3)

    def check(name: str, password: str) -> bool:
        time.sleep(0.1 if name == "admin" else 0)
        return False

    gate = signed_in_only(Application(), Passwords(check), is_open=lambda _: False)
    for name in ("admin", "nobody"):
        started = time.monotonic()
        asyncio.run(call(gate, "GET", "/", ("Authorization", basic(f"{name}:wrong"))))
        assert 0.3 <= time.monotonic() - started < 0.39


CURRENT = "/api/2.0/mlflow/users/current"


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE)
def test_a_real_server_answers_each_of_these_401(value: str, signed_in: Server) -> None:
    headers = {"Authorization": value.strip(" ").encode("latin-1")}
    for method, path in (("GET", CURRENT), ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x"), ("GET", "/")):
        assert signed_in.request(method, path, headers=headers).status_code == 401


def test_on_a_real_server_wrong_passwords_wait_and_right_ones_do_not(signed_in: Server) -> None:
    joe = {"username": "joe", "password": "a-password-of-joes"}
    made = signed_in.request("POST", "/api/2.0/mlflow/users/create", account="admin", json=joe)
    assert made.status_code == 200, made.text

    async def run() -> tuple[list[float], list[float]]:
        async with httpx.AsyncClient(base_url=signed_in.url, timeout=60) as client:

            async def seconds(name: str, password: str, expected: int) -> float:
                started = time.monotonic()
                answer = await client.get(CURRENT, auth=(name, password))
                assert answer.status_code == expected, answer.text
                return time.monotonic() - started

            names = ("admin", "pipeline", "api", "joe")
            flood = [asyncio.create_task(seconds(name, "a-wrong-one", 401)) for _ in range(3) for name in names]
            await asyncio.sleep(0.5)
            passwords = [PASSWORDS[f"{name}_password"] for name in names[:3]] + [joe["password"]]
            right = [await seconds(name, password, 200) for name, password in zip(names, passwords, strict=True)]
            assert not all(attempt.done() for attempt in flood), "the right ones waited for the wrong ones"
            return right, await asyncio.gather(*flood)

    right, wrong = asyncio.run(run())
    # However busy the machine is: the last wrong ones wait for seven seconds.
    assert max(right) < max(wrong)
    assert min(wrong) >= 1
    assert sum(wrong) >= 4 * (1 + 2 + 4)


def test_a_real_servers_refusal_is_read_by_a_browser(signed_in: Server) -> None:
    refused = signed_in.request("GET", "/")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert base64.b64encode(b"admin").decode() not in refused.text
