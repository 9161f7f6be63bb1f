"""`users` against a real server with sign-in, on PostgreSQL where there is one."""

import json
import subprocess
from pathlib import Path

import pytest

from .forks import COMMAND, run
from .servers import COMMAND as PROCESS
from .servers import Server, environment

LONG = "a-long-password-of-a-person"
CREATE = "/api/2.0/mlflow/experiments/create"


SEVERAL = """
import contextlib, io, json
from mlyard_mlflow_server.__main__ import main
told = []
for words, given in json.load(sys.stdin):
    sys.argv[1:], sys.stdin = ["users", *words], io.StringIO(given)
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()) as complained:
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
    told.append([code, said.getvalue(), complained.getvalue()])
print(json.dumps(told))
"""
"""The command several times in one process, which imports MLflow's sign-in once."""
Call = tuple[list[str], str]
"""The words after `users`, and what is given on standard input."""


def users(server: Server, *calls: Call) -> list[subprocess.CompletedProcess[str]]:
    variables = environment(**server.settings)
    done = run(f"import sys{SEVERAL}", folder=server.folder, variables=variables, stdin=json.dumps(calls))
    assert done.stderr == ""
    return [subprocess.CompletedProcess("users", *told) for told in json.loads(done.stdout)]


def said(server: Server, *arguments: str, stdin: str = "") -> str:
    return all_is_well(*users(server, ([*arguments], stdin)))


def all_is_well(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def created(server: Server, name: str, password: str, experiment: str) -> int:
    answer = server.request("POST", CREATE, account=name, password=password, json={"name": experiment})
    return answer.status_code


def test_a_reader_signs_in_with_the_password_that_is_shown_once_and_searches(signed_in: Server) -> None:
    command = [*PROCESS, "users", "add", "rita"]
    variables = environment(**signed_in.settings)
    added = subprocess.run(command, env=variables, cwd=signed_in.folder, capture_output=True, text=True, check=False)
    first, shown = all_is_well(added).splitlines()
    assert first == "rita may sign in as reader"
    password = shown.removeprefix("password, shown this once: ")
    search = "/api/2.0/mlflow/runs/search"
    body = {"experiment_ids": ["0"]}
    assert signed_in.request("POST", search, account="rita", password=password, json=body).status_code == 200
    assert created(signed_in, "rita", password, "of-rita") == 403
    assert password not in said(signed_in, "list")


def test_a_role_is_given_and_an_account_removed_and_both_are_listed(signed_in: Server) -> None:
    assert "ed may sign in as editor" in said(
        signed_in, "add", "ed", "--role", "editor", "--password-stdin", stdin=LONG
    )
    assert created(signed_in, "ed", LONG, "of-ed") == 200
    role = ["role", "ed", "reader"]
    first, again, listed = map(all_is_well, users(signed_in, (role, ""), (role, ""), (["list", "--json"], "")))
    assert "ed is reader: it holds within" in first
    assert again == "ed is reader already\n"
    assert created(signed_in, "ed", LONG, "more-of-ed") == 403
    known = {user["name"]: user for user in json.loads(listed)["users"]}
    assert known["ed"] == {"name": "ed", "role": "reader", "is_service": False}
    assert {name: user["role"] for name, user in known.items() if user["is_service"]} == {
        "admin": "admin",
        "pipeline": "editor",
        "api": "own",
    }
    removed, listed = map(all_is_well, users(signed_in, (["remove", "ed"], ""), (["list"], "")))
    assert "ed is removed" in removed
    assert "ed\t" not in listed


REFUSED: dict[str, tuple[list[str], str, str]] = {
    "unknown": (["remove", "nobody"], "", "there is no account 'nobody': there are admin, "),
    "of the stack": (["remove", "admin"], "", "'admin' is an account of the stack itself"),
    "role of the stack": (["role", "pipeline", "admin"], "", "'pipeline' is an account of the stack itself"),
    "there already": (["add", "api"], "", "there is an account 'api' already"),
    "in another case": (["add", "Pipeline"], "", "there is an account 'pipeline' already"),
    "short": (["add", "tim", "--password-stdin"], "short", "a password has 12 ASCII characters or more"),
    "colon": (["add", "a:b"], "", "'a:b' cannot be the name of an account: give letters, digits"),
    "no role": (
        ["role", "rita", "edtor"],
        "",
        "there is no role 'edtor': did you mean editor? give admin",
    ),
}


@pytest.fixture(scope="module")
def refusals(signed_in: Server) -> dict[str, subprocess.CompletedProcess[str]]:
    done = users(signed_in, *((arguments, stdin) for arguments, stdin, _ in REFUSED.values()))
    return dict(zip(REFUSED, done, strict=True))


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_said(refusals: dict[str, subprocess.CompletedProcess[str]], case: str) -> None:
    done, text = refusals[case], REFUSED[case][2]
    assert done.returncode == 1
    assert text in done.stderr
    assert done.stderr.startswith("mlyard-mlflow-server: ")
    assert done.stderr.count("\n") == 1


def test_a_server_without_sign_in_has_no_accounts(tmp_path: Path) -> None:
    done = run(COMMAND, "users", "list", folder=tmp_path, variables=environment())
    assert done.returncode == 1
    assert "set MLYARD_MLFLOW_SERVER_AUTH=basic" in done.stderr


@pytest.mark.long
def test_of_two_who_add_the_same_account_at_once_one_is_told(signed_in: Server) -> None:
    command = [*PROCESS, "users", "add", "twin"]
    variables = environment(**signed_in.settings)
    both = [
        subprocess.Popen(
            command, env=variables, cwd=signed_in.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    errors = sorted(process.communicate(timeout=120)[1] for process in both)
    assert sorted(process.returncode for process in both) == [0, 1]
    assert errors[0] == ""
    assert errors[1].startswith("mlyard-mlflow-server: there is an account 'twin' already (reader)")
