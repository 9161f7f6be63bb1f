"""The account in Airflow's FAB auth manager, made by what `airflow init` calls."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mlyard_training_pipeline.settings import PREFIX
from werkzeug.security import check_password_hash

from ..conftest import Stack

OTHER = "another-password-than-before"
INITIALISE = """
import json, pathlib, sqlite3, sys
from mlyard_training_pipeline.orchestration.processes.accounts import opened
from mlyard_training_pipeline.orchestration.processes.database import initialise
from mlyard_training_pipeline.settings import Settings

accounts = []
for password in sys.argv[2:]:
    pathlib.Path(sys.argv[1]).write_text(password)
    settings = Settings.load()
    initialise(settings)
    database = sqlite3.connect(settings.airflow_home / "airflow.db")
    accounts.append(
        database.execute(
            "select u.username, r.name, u.password from ab_user u join ab_user_role ur on ur.user_id = u.id "
            "join ab_role r on r.id = ur.role_id"
        ).fetchall()
    )
    database.close()
with opened(settings) as people:
    said = [people.add("ann", "viewer", sys.argv[2]), people.give("ann", "op"), people.give("ann", "op")]
    said += [list(user) for user in people.all()]
    said += [people.remove("ann"), [user.name for user in people.all()]]
print(json.dumps(said))
print(json.dumps(accounts))
"""
"""Once for each password, and people's accounts, in one process: most of each run would be the import of Airflow."""


class Account(NamedTuple):
    name: str
    role: str
    password: str


class Initialised(NamedTuple):
    """The accounts that there are after the first time, after a second one, and after one with another password.

    And what was said of a person's account beside them.
    """

    first: list[Account]
    second: list[Account]
    third: list[Account]
    people: list[Any]
    password: str
    said: str


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Initialised:
    stack = Stack(tmp_path_factory.mktemp("fab"))
    password = stack.settings.secret("airflow_password")
    file = str(Path(stack.folder, "secrets/airflow_password"))
    done = subprocess.run(
        [sys.executable, "-c", INITIALISE, file, password, password, OTHER],
        cwd=stack.folder,
        env=stack.environment(**{f"{PREFIX}AUTH_MANAGER": "fab"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *said, people, accounts = done.stdout.splitlines()
    first, second, third = ([Account(*account) for account in found] for found in json.loads(accounts))
    return Initialised(first, second, third, json.loads(people), password, "\n".join([*said, done.stderr]))


def test_there_is_one_administrator_with_the_password_of_the_secret(initialised: Initialised) -> None:
    (account,) = initialised.first
    assert (account.name, account.role) == ("admin", "Admin")
    assert check_password_hash(account.password, initialised.password)


def test_a_second_time_changes_nothing(initialised: Initialised) -> None:
    assert initialised.second == initialised.first


def test_another_secret_becomes_the_password(initialised: Initialised) -> None:
    (account,) = initialised.third
    assert check_password_hash(account.password, OTHER)
    assert OTHER not in initialised.said
    assert initialised.password not in initialised.said


def test_a_person_has_an_account_a_role_and_another_one_until_it_is_removed(initialised: Initialised) -> None:
    assert initialised.people == [
        "ann may sign in as viewer",
        "ann is op: it holds within half a minute, without a restart",
        "ann is op already",
        ["admin", "admin", True],
        ["ann", "op", False],
        "ann is removed: it holds within half a minute, without a restart",
        ["admin"],
    ]
