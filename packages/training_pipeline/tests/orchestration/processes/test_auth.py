"""The account in Airflow's FAB auth manager, made by the real `airflow init`."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlyard_training_pipeline.settings import PREFIX
from werkzeug.security import check_password_hash

from ..conftest import Stack

FAB: dict[str, Any] = {f"{PREFIX}AUTH_MANAGER": "fab"}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Airflow's settings and secrets, nothing started, with the account of its first `init`."""
    stack = Stack(tmp_path_factory.mktemp("fab"))
    done = stack.run("airflow", "init", **FAB)
    assert done.returncode == 0, done.stderr
    return stack


def accounts(stack: Stack) -> list[tuple[str, str, str]]:
    """Each account with its role and the hash of its password."""
    query = (
        "select u.username, r.name, u.password from ab_user u join ab_user_role ur on ur.user_id = u.id "
        "join ab_role r on r.id = ur.role_id"
    )
    with closing(sqlite3.connect(stack.settings.airflow_home / "airflow.db")) as database:
        return database.execute(query).fetchall()


def test_there_is_one_administrator_with_the_password_of_the_secret(airflow: Stack) -> None:
    ((name, role, password),) = accounts(airflow)
    assert (name, role) == ("admin", "Admin")
    assert check_password_hash(password, airflow.settings.secret("airflow_password"))


def test_a_second_time_changes_nothing(airflow: Stack) -> None:
    before = accounts(airflow)
    assert airflow.run("airflow", "init", **FAB).returncode == 0
    assert accounts(airflow) == before


def test_another_secret_becomes_the_password(airflow: Stack) -> None:
    Path(airflow.folder, "secrets/airflow_password").write_text("another-password-than-before")
    done = airflow.run("airflow", "init", **FAB)
    assert done.returncode == 0, done.stderr
    ((_, _, password),) = accounts(airflow)
    assert check_password_hash(password, "another-password-than-before")
    assert "another-password-than-before" not in done.stdout + done.stderr
