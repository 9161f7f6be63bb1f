"""Jobs that write to a real database: SQLite and PostgreSQL."""

import dataclasses
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from mlyard_shared.errors import SourceUnavailable, TableError
from mlyard_training_pipeline.batch import Scored, ScoringError
from mlyard_training_pipeline.batch.sinks import copying
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.database_url import with_installed_driver
from mlyard_training_pipeline.tracking.context import Context
from pydantic import SecretStr

from ..conftest import mixed_columns, write_csv
from ..forks import CONTEXT
from .conftest import Listener

KILLED = """
import os, signal
from pathlib import Path
from mlyard_training_pipeline.batch import score
from mlyard_training_pipeline.batch.command import request_of
from mlyard_training_pipeline.batch.sinks import table
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context
os.chdir(folder)
os.environ["MLFLOW_TRACKING_URI"] = uri
encoding._GROUP_ROWS = 1
copy, chunks = table.copy_rows, []
def die(*arguments):
    copy(*arguments)
    chunks.append(1)
    if len(chunks) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
table.copy_rows = die
settings = Settings(registry_uri=uri, state=Path(state), connections={"warehouse": database})
score(Context.from_settings(settings), request_of(model, **asked), listener=Progress())
"""
"""A job whose process is killed when the rows of its second chunk are in the transaction, and not yet counted."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        file = tmp_path / "warehouse.db"
        file.touch()
        yield f"sqlite:///{file}"
        return
    server = with_installed_driver(request.getfixturevalue("postgresql"))
    engine = sqlalchemy.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    name = f"scores_{os.getpid()}_{abs(hash(str(tmp_path)))}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture
def ask(database: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)

    def rows(query: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    yield rows
    engine.dispose()


@pytest.fixture
def warehouse(context: Context, database: str) -> Context:
    connections = {"warehouse": SecretStr(database)}
    return dataclasses.replace(context, settings=context.settings.model_copy(update={"connections": connections}))


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(encoding, "_GROUP_ROWS", 1)
    return write_csv(tmp_path / "new.csv", mixed_columns(2_500))


def tables(database: str) -> set[str]:
    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)
    names = set(sqlalchemy.inspect(engine).get_table_names())
    engine.dispose()
    return names


Job = Callable[..., Scored]
Ask = Callable[[str], list[tuple[Any, ...]]]
COUNTS = "SELECT count(*), count(DISTINCT id), count(DISTINCT scored_at), min(version), max(model) FROM scores"


@pytest.mark.long
def test_a_job_whose_process_is_killed_within_a_transaction_goes_on_without_a_row_twice_or_missing(
    scored: Job, warehouse: Context, trained: str, database: str, ask: Ask, tmp_path: Path
) -> None:
    asked = {"table": "new.csv", "output": "warehouse.scores", "existing": "refuse", "ids": ()}
    given = {
        "folder": str(tmp_path),
        "uri": warehouse.settings.registry_uri,
        "state": str(tmp_path / "state"),
        "database": database,
        "model": trained,
        "asked": {**asked, "probabilities": True, "rejects": None},
    }
    process = CONTEXT.Process(target=exec, args=(KILLED, given))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert "scores" not in tables(database)
    assert ask("SELECT chunks, scored_rows, finished_at FROM mlyard_scoring") == [(1, 1_000, None)]
    again = Listener()
    found = scored("new.csv", "warehouse.scores", context=warehouse, probabilities=True, listener=again)
    assert found.rows == 2_500
    assert again.chunks == [1, 2, 3]
    assert ask(COUNTS) == [(2_500, 2_500, 1, 1, trained)]
    assert tables(database) == {"scores", "mlyard_scoring"}
    scored("new.csv", "whole.parquet", context=warehouse, probabilities=True)
    from pyarrow import parquet

    whole = parquet.read_table("whole.parquet").to_pylist()
    columns = ("id", "prediction", "probability_large", "probability_middle", "probability_small")
    query = f"SELECT {', '.join(columns)} FROM scores"
    assert set(ask(query)) == {tuple(row[name] for name in columns) for row in whole}


def test_a_table_is_added_to_or_emptied_first_as_asked_and_else_refused(
    scored: Job, warehouse: Context, ask: Ask
) -> None:
    scored("new.csv", "warehouse.scores", context=warehouse)
    with pytest.raises(ScoringError, match=r"warehouse\.scores exists: `--existing append` adds to it"):
        scored("new.csv", "warehouse.scores", context=warehouse)
    scored("new.csv", "warehouse.scores", context=warehouse, existing="append")
    assert ask(COUNTS)[0][:3] == (5_000, 2_500, 2)
    with pytest.raises(ScoringError, match="lacks the columns 'probability_large', 'probability_middle'"):
        scored("new.csv", "warehouse.scores", context=warehouse, existing="replace", probabilities=True)
    scored("new.csv", "warehouse.scores", context=warehouse, existing="replace")
    assert ask(COUNTS)[0][:3] == (2_500, 2_500, 1)


def test_the_rows_of_a_table_are_scored_by_their_own_types(scored: Job, warehouse: Context, ask: Ask) -> None:
    scored("new.csv", "warehouse.scores", context=warehouse)
    with pytest.raises(TableError, match="has no columns 'size', 'count', 'new', 'colour', 'seen', which version 1"):
        scored("warehouse.scores", "other.parquet", context=warehouse)
    found = scored(
        "warehouse: SELECT id, 1.5 AS size, 3 AS count, NULL AS new, 'red' AS colour, '2024-01-01' AS seen FROM scores",
        "warehouse.other",
        context=warehouse,
    )
    assert found.rows == 2_500
    assert ask("SELECT count(DISTINCT id), count(DISTINCT prediction) FROM other") == [(2_500, 1)]


def test_refused_rows_leave_nothing_in_the_database(
    scored: Job, warehouse: Context, ask: Ask, database: str, tmp_path: Path
) -> None:
    columns = mixed_columns(2_500)
    columns["size"][2_000] = "huge"
    write_csv(tmp_path / "new.csv", columns)
    with pytest.raises(TableError, match=r"row 2001, column 'size': 'huge' is not a number; correct them"):
        scored("new.csv", "warehouse.scores", context=warehouse)
    assert tables(database) == {"mlyard_scoring"}
    assert ask("SELECT * FROM mlyard_scoring") == []


def test_jobs_of_two_machines_do_not_write_to_one_table_at_once(
    scored: Job, warehouse: Context, database: str, tmp_path: Path
) -> None:
    other = warehouse.settings.model_copy(update={"state": tmp_path / "elsewhere"})

    class Second(Listener):
        def chunk(self, done: int, chunks: int) -> None:
            with pytest.raises(ScoringError, match=r"another job is writing to warehouse\.scores: wait"):
                scored("new.csv", "warehouse.scores", context=dataclasses.replace(warehouse, settings=other))

    scored("new.csv", "warehouse.scores", context=warehouse, listener=Second())


def test_texts_and_nulls_arrive_as_they_are(warehouse: Context, database: str) -> None:
    import pyarrow as pa

    texts = ["", None, 'a "quoted", one', "two\nlines", "\\N", "ä€", "NULL"]
    rows = pa.table({"id": pa.array(texts), "x": pa.array([0.1, None, 1e-300, -0.0, 1 / 3, 5e-324, 1.7e308])})
    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)
    columns = [sqlalchemy.Column(field.name, copying.column_type(field.type)) for field in rows.schema]
    made = sqlalchemy.Table("t", sqlalchemy.MetaData(), *columns)
    with engine.begin() as connection:
        made.create(connection)
        copying.copy_rows(connection, made, rows)
        found = [tuple(row) for row in connection.execute(sqlalchemy.select(made))]
    engine.dispose()
    assert found == [tuple(row.values()) for row in rows.to_pylist()]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_is_lost_may_be_tried_again(scored: Job, warehouse: Context, ask: Ask) -> None:
    class Lost(Listener):
        def chunk(self, done: int, chunks: int) -> None:
            super().chunk(done, chunks)
            if done == 1:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                assert ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}") == [(True,)]

    with pytest.raises(SourceUnavailable, match="writing to warehouse failed: "):
        scored("new.csv", "warehouse.scores", context=warehouse, listener=Lost())
    again = Listener()
    scored("new.csv", "warehouse.scores", context=warehouse, listener=again)
    assert again.chunks == [1, 2, 3]
    assert ask(COUNTS)[0][:2] == (2_500, 2_500)
