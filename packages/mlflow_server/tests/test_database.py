"""Databases that are old, too new, or interrupted while they are migrated."""

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from .clusters import Cluster
from .forks import Fork
from .servers import environment

MIGRATE = """
import sys
from mlyard_mlflow_server.database import SIGN_IN, TRACKING, DatabaseError, migrated
try:
    with migrated(sys.argv[1], [TRACKING, SIGN_IN]):
        pass
except DatabaseError as error:
    sys.exit(str(error))
"""
MAKE_OLD = """
import sys, sqlalchemy
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
Base.metadata.create_all(sqlalchemy.create_engine(sys.argv[1]))
command.upgrade(_get_alembic_config(sys.argv[1]), "head-12")
from mlflow.server.auth.db.utils import _get_alembic_config as sign_in_config
command.upgrade(sign_in_config(sys.argv[1]), "head-3")
"""


def start(code: str, uri: str) -> Fork:
    return Fork(code, uri, folder=Path.cwd(), variables=environment())


def run(code: str, uri: str) -> tuple[int | None, str]:
    process = start(code, uri)
    _, said = process.communicate()
    return process.returncode, said


def rows(file: Path, query: str) -> list[object]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute(query)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database that an older MLflow has left, with one experiment and one account."""
    file = tmp_path / "mlflow.db"
    code, said = run(MAKE_OLD, f"sqlite:///{file}")
    assert code == 0, said
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO experiments (name, lifecycle_stage, workspace) VALUES ('old', 'active', 'default')"
        )
        connection.execute("INSERT INTO users (username, password_hash, is_admin) VALUES ('old', 'x', false)")
    return file


REVISIONS = ["SELECT version_num FROM alembic_version", "SELECT version_num FROM alembic_version_auth"]


def test_an_interrupted_migration_leaves_the_old_database_as_it_was_and_the_next_brings_it_up(old: Path) -> None:
    before, revisions = old.read_bytes(), [rows(old, revision) for revision in REVISIONS]
    copy = old.with_name("mlflow.db.migrating")
    for _ in range(5):
        process = start(MIGRATE, f"sqlite:///{old}")
        while process.poll() is None and not (copy.exists() and copy.read_bytes() not in (b"", before)):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        process.communicate()
        if process.returncode != 0:
            break
        old.write_bytes(before)  # it was over before this process saw it begin
    assert process.returncode != 0
    assert old.read_bytes() == before
    assert not copy.exists()
    code, said = run(MIGRATE, f"sqlite:///{old}")
    assert code == 0, said
    for revision, was in zip(REVISIONS, revisions, strict=True):
        assert rows(old, revision) != was
    assert rows(old, "SELECT name FROM experiments") == ["old"]
    assert rows(old, "SELECT username FROM users") == ["old"]


def test_a_database_of_a_newer_mlflow_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('fffffffffff0')")
    before = file.read_bytes()
    code, said = run(MIGRATE, f"sqlite:///{file}")
    assert code == 1
    assert said.count("\n") == 1
    assert "fffffffffff0, unknown to MLflow 3." in said
    assert file.read_bytes() == before


def test_an_interrupted_migration_on_postgresql_is_rolled_back(postgresql: Cluster) -> None:
    database = postgresql.database("migrated")
    uri = database.replace("postgresql:", "postgresql+psycopg:")
    with psycopg.connect(database) as other, psycopg.connect(database, autocommit=True) as watcher:
        # One of the last migrations makes this table, and waits until the other transaction ends.
        other.execute("CREATE TABLE webhooks ()")
        process = start(MIGRATE, uri)
        while not watcher.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode != 0
        other.rollback()
        assert watcher.execute("SELECT to_regclass('registered_model_aliases')").fetchone() == (None,)
    code, said = run(MIGRATE, uri)
    assert code == 0, said
