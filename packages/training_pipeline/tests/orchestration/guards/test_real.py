"""The guards in front of real API servers: with Airflow's simple auth manager, and with FAB's."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from ..conftest import Stack


@contextmanager
def no_traceback(server: Stack) -> Iterator[None]:
    log = server.folder / "api-server.log"
    known = len(log.read_text())
    yield
    assert "Traceback" not in log.read_text()[known:]


def ask(server: Stack, path: str, **request: Any) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    answer = httpx.post(f"{server.settings.airflow_url}{path}", timeout=30, trust_env=False, **request)
    return answer, time.monotonic() - started


def credentials(server: Stack, *, name: str = "admin", password: str = "") -> dict[str, str]:
    return {"username": name, "password": password or server.settings.secret("airflow_password")}


def test_wrong_passwords_wait_and_the_right_one_does_not(server: Stack) -> None:
    for name in ("nobody", "nobody", "admin"):
        answer, wrong = ask(server, "/auth/token", json=credentials(server, name=name, password="wrong"))
        assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid credentials"})
        assert wrong >= 1
    taken = []
    for _ in range(3):
        answer, seconds = ask(server, "/auth/token", json=credentials(server))
        assert answer.status_code == 201
        taken.append(seconds)
    # Not less than a second, which a busy machine may take: a second wrong one would wait for two.
    assert min(taken) < wrong
    token = answer.json()["access_token"]
    url = f"{server.settings.airflow_url}/api/v2/dags"
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"username": "ad\0min", "password": "x"}, id="NUL"),
        pytest.param({"username": 1, "password": "x"}, id="number"),
        pytest.param({"username": {"a": 1}, "password": ["x"]}, id="object"),
    ],
)
def test_what_names_no_account_is_401_without_a_traceback(server: Stack, body: dict[str, Any]) -> None:
    with no_traceback(server):
        assert ask(server, "/auth/token", json=body)[0].status_code == 401


@pytest.mark.parametrize(
    "header", ["Basic YWRtaW46eA==", "Basic %%%", "Basic", "Bearer", "Bearer x", "Bearer a.b.c", "Digest x"]
)
def test_other_credentials_than_a_token_are_refused_without_a_traceback(server: Stack, header: str) -> None:
    url = f"{server.settings.airflow_url}/api/v2/dags"
    with no_traceback(server):
        answer = httpx.get(url, headers={"Authorization": header}, trust_env=False)
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize("path", ["/auth/token", "/api/v2/dags/houses/dagRuns", "/auth/login/", "/execution/x"])
def test_a_page_of_another_port_does_not_write(server: Stack, path: str) -> None:
    answer, _ = ask(server, path, json=credentials(server), headers={"Origin": "http://localhost:9999"})
    assert answer.status_code == 403
    assert "may not write here" in answer.json()["detail"]


def test_its_own_page_writes(server: Stack) -> None:
    origin = {"Origin": server.settings.airflow_url}
    assert ask(server, "/auth/token", json=credentials(server), headers=origin)[0].status_code == 201


def fill_in(server: Stack, name: str, password: str) -> tuple[httpx.Response, float]:
    """Sign in by the form of FAB's page."""
    with httpx.Client(base_url=server.settings.airflow_url, timeout=30, trust_env=False) as page:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get("/auth/login/").text)
        assert token is not None
        started = time.monotonic()
        data = {"csrf_token": token[1], "username": name, "password": password}
        return page.post("/auth/login/", data=data), time.monotonic() - started


@pytest.mark.long  # the same guard as of the API, whose waiting the others show
def test_the_form_of_the_page_waits_too_and_refuses_no_right_password(stack: Stack) -> None:
    for number in range(2):
        answer, wrong = fill_in(stack, "ann", "wrong")
        assert answer.headers["location"].startswith("/auth/login/")
        assert wrong >= 2**number
    taken = []
    for _ in range(7):  # FAB's own limit is five tries of an address in 40 s, right ones among them
        answer, seconds = fill_in(stack, "admin", stack.settings.secret("airflow_password"))
        assert (answer.status_code, answer.headers["location"]) == (302, "/auth/")
        taken.append(seconds)
    assert min(taken) < wrong
    assert fill_in(stack, "ad\0min", "x")[0].status_code == 401


def test_fabs_own_api_waits_too(stack: Stack) -> None:
    body = {**credentials(stack, name="eve", password="x"), "provider": "db"}
    answer, seconds = ask(stack, "/auth/api/v1/security/login", json=body)
    assert (answer.status_code, seconds >= 1) == (401, True)
