import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy
from mlyard_shared.errors import MlyardError
from mlyard_training_pipeline.database_url import with_installed_driver
from mlyard_training_pipeline.orchestration.processes.database import check, initialise
from mlyard_training_pipeline.settings import Settings
from pydantic import SecretStr

from ..conftest import COMMAND, Stack, make_settings


def pools(home: Path) -> list[tuple[str, int]]:
    connection = sqlite3.connect(home / "airflow.db")
    try:
        return connection.execute("select pool, slots from slot_pool order by pool").fetchall()
    finally:
        connection.close()


def test_promotions_have_a_pool_of_one_slot(airflow_here: Settings) -> None:
    assert ("mlyard_promotions", 1) in pools(airflow_here.airflow_home)


# A word of Alembic's to the authors of Airflow's FAB provider.
@pytest.mark.filterwarnings("ignore:No path_separator found:DeprecationWarning")
def test_a_second_time_changes_nothing(airflow_here: Settings) -> None:
    before = pools(airflow_here.airflow_home)
    initialise(airflow_here)
    assert pools(airflow_here.airflow_home) == before


@pytest.mark.long
def test_two_at_once_both_succeed_also_after_one_was_killed(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    command = [COMMAND, "airflow", "init"]
    first = subprocess.Popen(command, cwd=tmp_path, env=stack.environment(), stderr=subprocess.DEVNULL)
    database = stack.settings.airflow_home / "airflow.db"
    while first.poll() is None and not (database.exists() and database.stat().st_size > 0):
        time.sleep(0.02)
    first.kill()
    first.wait()
    both = [
        subprocess.Popen(command, cwd=tmp_path, env=stack.environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    assert ("mlyard_promotions", 1) in pools(stack.settings.airflow_home)
    check(stack.settings)


@pytest.mark.long
def test_two_at_once_both_succeed_with_postgresql_and_fab(tmp_path: Path, postgresql: str) -> None:
    engine = sqlalchemy.create_engine(with_installed_driver(f"{postgresql}/postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE begun_twice")
    stack = Stack(tmp_path, auth_manager="fab", database_uri=f"{postgresql}/begun_twice")
    with ThreadPoolExecutor() as pool:
        for done in pool.map(lambda _: stack.run("airflow", "init"), range(2)):
            assert done.returncode == 0, done.stderr
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE begun_twice WITH (FORCE)")
    engine.dispose()


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        pytest.param("sqlite:////nowhere/at/all/airflow.db", "cannot be used", id="no folder"),
        pytest.param("not a url", "it is not a database URL: write it as postgresql://", id="not a URL"),
        pytest.param("nosuch://host/airflow", "'nosuch' is not a database that", id="unknown database"),
        pytest.param("postgresql+asyncpg://me@host/airflow", "its driver asyncpg is async", id="async driver"),
        pytest.param("mysql://me@host/airflow", "no driver for mysql is installed", id="no driver"),
        pytest.param("postgresql://me:secret@127.0.0.1:9/airflow", "cannot be used .*refused", id="nobody there"),
        pytest.param("postgres://me:secret@127.0.0.1:9/airflow", "cannot be used .*refused", id="short name"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(tmp_path: Path, uri: str, sentence: str) -> None:
    with pytest.raises(MlyardError, match=sentence) as caught:
        check(make_settings(tmp_path, database_uri=SecretStr(uri)))
    assert "MLYARD_TRAINING_PIPELINE_DATABASE_URI" in str(caught.value)
    assert "secret" not in str(caught.value)
