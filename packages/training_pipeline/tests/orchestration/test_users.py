"""`users` beside a real Airflow: with its simple auth manager, and with FAB's on PostgreSQL where there is one."""

import fcntl
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from mlyard_training_pipeline.orchestration import people
from mlyard_training_pipeline.orchestration.processes import accounts
from mlyard_training_pipeline.settings import Settings

from .conftest import Stack

LONG = "a-long-password-of-a-person"


def users(server: Stack, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    from .conftest import COMMAND

    return subprocess.run(
        [COMMAND, "users", *arguments],
        cwd=server.folder,
        env=server.environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def said(server: Stack, *arguments: str, stdin: str = "") -> str:
    done = users(server, *arguments, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def token(server: Stack, name: str, password: str) -> httpx.Response:
    body = {"username": name, "password": password}
    return httpx.post(f"{server.settings.airflow_url}/auth/token", json=body, timeout=60, trust_env=False)


def asks(server: Stack, bearer: str, path: str) -> int:
    url = f"{server.settings.airflow_url}/api/v2/{path}"
    return httpx.get(url, headers={"Authorization": f"Bearer {bearer}"}, timeout=60, trust_env=False).status_code


@pytest.mark.long  # each command beside FAB imports Airflow; `processes/test_auth.py` shows its accounts in one process
def test_a_person_signs_in_gets_another_role_and_is_removed_without_a_restart(server: Stack) -> None:
    first, shown = said(server, "add", "ann").splitlines()
    assert first == "ann may sign in as viewer"
    password = shown.removeprefix("password, shown this once: ")
    answer = token(server, "ann", password)
    assert answer.status_code == 201
    bearer = answer.json()["access_token"]
    assert (asks(server, bearer, "dags"), asks(server, bearer, "connections")) == (200, 403)
    assert "ann is op: it holds" in said(server, "role", "ann", "op")
    listed = {user["name"]: user for user in json.loads(said(server, "list", "--json"))["users"]}
    assert listed["ann"] == {"name": "ann", "role": "op", "is_service": False}
    assert listed["admin"] == {"name": "admin", "role": "admin", "is_service": True}
    wait_until = time.monotonic() + 60
    while asks(server, bearer, "connections") != 200:
        assert time.monotonic() < wait_until
        time.sleep(1)
    assert "ann is removed" in said(server, "remove", "ann")
    assert token(server, "ann", password).status_code == 401


REFUSED = {
    "unknown": (["remove", "nobody"], "", "there is no account 'nobody': there are admin"),
    "the stack's own": (["remove", "admin"], "", "'admin' is the account of the stack itself"),
    "its role": (["role", "admin", "viewer"], "", "'admin' is the account of the stack itself"),
    "there already": (["add", "Admin"], "", "there is an account 'admin' already (admin)"),
    "a wrong name": (["add", "a:b"], "", "'a:b' cannot be the name of an account: give letters, digits"),
    "a wrong role": (
        ["role", "tim", "opp"],
        "",
        "there is no role 'opp': did you mean op? give admin",
    ),
    "short": (["add", "tim", "--password-stdin"], "short", "a password has 12 characters or more"),
}


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Settings of the simple auth manager, whose accounts need neither Airflow's processes nor its database."""
    return Stack(tmp_path_factory.mktemp("idle"))


@pytest.mark.parametrize(("arguments", "stdin", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said(idle: Stack, arguments: list[str], stdin: str, text: str) -> None:
    done = users(idle, *arguments, stdin=stdin)
    assert done.returncode == 1
    assert text in done.stderr
    assert done.stderr.startswith("mlyard-training-pipeline: ")
    assert done.stderr.count("\n") == 1


def test_a_given_password_is_kept_from_others(idle: Stack) -> None:
    said(idle, "add", "bob", "--role", "user", "--password-stdin", stdin=f"{LONG}\n")
    assert (idle.settings.airflow_home / "people.json").stat().st_mode & 0o777 == 0o600
    assert said(idle, "role", "bob", "user") == "bob is user already\n"
    said(idle, "remove", "bob")


@pytest.mark.long  # needs an Airflow of its own
def test_with_a_given_password_one_signs_in(plain: Stack) -> None:
    said(plain, "add", "bob", "--role", "user", "--password-stdin", stdin=f"{LONG}\n")
    assert token(plain, "bob", LONG).status_code == 201
    said(plain, "remove", "bob")


def test_of_many_who_change_people_at_once_none_undoes_the_others(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with people.held(tmp_path):
            known = people.read(tmp_path)
            time.sleep(0.005)
            people.write(tmp_path, known | {f"p{number}": people.Person("viewer", LONG)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert len(people.read(tmp_path)) == 24


def test_the_file_of_people_is_held_while_accounts_are_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "prepare", lambda _: {})
    settings.airflow_home.mkdir(parents=True)
    with (
        accounts.opened(settings),
        (settings.airflow_home / ".people.json.lock").open("w") as lock,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
