import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from mlyard_mlflow_server import pulse as module
from mlyard_mlflow_server.database import DatabaseError
from mlyard_mlflow_server.pulse import Pulse

from .clusters import Cluster

TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "LOCKED_SECONDS", 0.1)
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as session:
        session.execute(TABLE)
    return file


def test_a_file_answers(file: Path) -> None:
    before = file.read_bytes()
    Pulse(f"sqlite:///{file}").feel()
    assert file.read_bytes() == before


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_a_locked_file_does_not(lock: str, journal: str, file: Path) -> None:
    pulse = Pulse(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode={journal}")
        other.execute(f"BEGIN {lock}")
        with pytest.raises(DatabaseError, match=f"{file} does not answer: database is locked"):
            pulse.feel()
        other.execute("ROLLBACK")
    pulse.feel()


def test_a_file_that_is_gone_is_not_made_anew(file: Path) -> None:
    pulse = Pulse(f"sqlite:///{file}")
    file.unlink()
    with pytest.raises(DatabaseError, match="unable to open"):
        pulse.feel()
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_another_does_not(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"no such table|not a database"):
        Pulse(f"sqlite:///{file}").feel()


@pytest.fixture
def uri(postgresql: Cluster) -> str:
    uri = postgresql.database(f"pulse_{time.monotonic_ns()}")
    with psycopg.connect(uri) as session:
        session.execute(TABLE)
    return uri.replace("postgresql:", "postgresql+psycopg:")


def test_a_server_answers_by_one_connection(uri: str, postgresql: Cluster) -> None:
    with closing(Pulse(uri)) as pulse:
        for _ in range(5):
            pulse.feel()
        assert connections(uri, postgresql) == 1


def connections(uri: str, postgresql: Cluster) -> int:
    with psycopg.connect(f"{postgresql.uri}/postgres") as session:
        name = uri.rpartition("/")[2]
        rows = session.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [name]).fetchall()
    return len(rows)


def test_a_connection_that_was_cut_is_made_anew(uri: str, postgresql: Cluster) -> None:
    with closing(Pulse(uri)) as pulse:
        pulse.feel()
        with psycopg.connect(f"{postgresql.uri}/postgres", autocommit=True) as session:
            name = uri.rpartition("/")[2]
            session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        pulse.feel()


def test_a_frozen_server_does_not_answer_until_it_goes_on(uri: str, postgresql: Cluster) -> None:
    with closing(Pulse(uri)) as pulse:
        pulse.feel()
        with postgresql.frozen():
            asking = threading.Thread(target=pulse.feel)
            asking.start()
            asking.join(0.5)
            assert asking.is_alive()
            with pytest.raises(DatabaseError, match=r"does not answer: .*time"):
                Pulse(uri).feel()  # a new connection
        asking.join(10)
        assert not asking.is_alive()


def test_a_password_is_not_in_the_reason(uri: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        Pulse(uri.replace("s3cret", "wrong-s3cret")).feel()
    assert "s3cret" not in str(raised.value)
