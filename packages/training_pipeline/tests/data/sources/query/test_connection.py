import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import SettingsError, SourceUnavailable, TableError

QUERY = "SELECT 1 AS a"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_a_plain_url_means_the_driver_that_is_installed(ask: Any, postgresql: str, scheme: str) -> None:
    url = f"{scheme}{postgresql.removeprefix('postgresql')}/postgres"
    assert ask(url, QUERY).to_pydict() == {"a": [1]}


@pytest.mark.parametrize("known", ["my-db", "my_db", "my--db"])
@pytest.mark.parametrize("name", ["my-db", "my_db", "my__db", "my-db_"])
def test_a_connection_is_found_however_a_variable_can_spell_its_name(ask: Any, name: str, known: str) -> None:
    assert ask("sqlite://", QUERY, name=name, known=known).to_pydict() == {"a": [1]}


@pytest.mark.parametrize(("name", "variable"), [("my-db", "MY_DB"), ("a__b-", "A_B"), ("other", "OTHER")])
def test_a_connection_without_url_names_its_variable_and_its_file(
    ask: Any, said: Any, name: str, variable: str
) -> None:
    sentence = said(SettingsError, lambda: ask("sqlite://", QUERY, name=name))
    assert (
        f"set MLYARD_TRAINING_PIPELINE_CONNECTIONS__{variable}, or write a secrets file connections__{name}" in sentence
    )


def test_the_variable_and_the_file_that_the_message_names_work(
    spec: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlyard_training_pipeline.data.sources import read_table
    from mlyard_training_pipeline.settings import PREFIX, Settings

    made = spec(source={"connection": "my-db__x", "query": QUERY})
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS__MY_DB_X", "sqlite://")
    assert read_table(made, tmp_path, Settings.load().connections).num_rows == 1
    monkeypatch.delenv(f"{PREFIX}CONNECTIONS__MY_DB_X")
    (tmp_path / "connections__my-db__x").write_text("sqlite://\n")
    monkeypatch.setenv(f"{PREFIX}SECRETS_DIR", str(tmp_path))
    assert read_table(made, tmp_path, Settings.load().connections).num_rows == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("hunter2", "connection warehouse: it is not a database URL", id="not a URL"),
        pytest.param("oracle://me:hunter2@host/db", "no driver for oracle is installed", id="no driver"),
        pytest.param("postgresql+asyncpg://me:hunter2@host/db", "asyncpg is async", id="async driver"),
        pytest.param("postgresql://me:hunter2@host:port/db", "check its port", id="port"),
        pytest.param(
            "postgresql://me:hunter2@x@host/db", "its password holds @, which has to be written as %40", id="@"
        ),
        pytest.param("sqlite://hunter2.db", "three slashes", id="two slashes"),
        pytest.param("sqlite:////nowhere/hunter2/x.db", "its SQLite file does not exist", id="no file"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_without_showing_it(ask: Any, said: Any, url: str, message: str) -> None:
    assert message in said(SettingsError, lambda: ask(url, QUERY))


def test_a_missing_sqlite_file_is_not_made(ask: Any, said: Any, tmp_path: Path) -> None:
    said(SettingsError, lambda: ask(f"sqlite:///{tmp_path / 'x.db'}", QUERY))
    assert not list(tmp_path.iterdir())


def test_a_database_that_does_not_answer_may_answer_later(ask: Any, said: Any) -> None:
    sentence = said(SourceUnavailable, lambda: ask("postgresql://me:hunter2@127.0.0.1:1/x", QUERY))
    assert sentence.endswith("port 1 failed: Connection refused")
    said(SourceUnavailable, lambda: ask("postgresql://me:hunter2@nowhere.invalid/x", QUERY))


def test_a_database_that_refuses_us_is_not_asked_again(ask: Any, said: Any, postgresql: str) -> None:
    assert 'database "nope" does not exist' in said(TableError, lambda: ask(f"{postgresql}/nope", QUERY))
    wrong = postgresql.replace("s3cret%40pg", "hunter2")
    assert "password authentication failed" in said(TableError, lambda: ask(f"{wrong}/postgres", QUERY))


def test_a_connection_that_is_dropped_may_come_back(spec: Any, said: Any, postgresql: str, tmp_path: Path) -> None:
    import psycopg2
    from mlyard_training_pipeline.data.sources import open_table
    from pydantic import SecretStr

    query = "SELECT pg_backend_pid() AS pid, g FROM generate_series(1, 3000000) AS g"
    made = spec(source={"connection": "warehouse", "query": query})
    stream = open_table(made, tmp_path, {"warehouse": SecretStr(f"{postgresql}/postgres")})
    process = next(stream.batches)["pid"][0].as_py()
    other = psycopg2.connect(f"{postgresql}/postgres")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", (process,))
    other.close()
    sentence = said(SourceUnavailable, lambda: list(stream.batches))
    assert sentence.startswith("the query over warehouse failed: ")


@pytest.mark.parametrize("read", [0, 1])
def test_a_stream_that_nobody_reads_on_leaves_no_connection(
    spec: Any, postgresql: str, tmp_path: Path, read: int
) -> None:
    import gc

    import psycopg2
    from mlyard_training_pipeline.data.sources import open_table
    from pydantic import SecretStr

    made = spec(
        source={"connection": "w", "query": "SELECT 'left alone' AS t, g FROM generate_series(1, 1000000) AS g"}
    )
    stream = open_table(made, tmp_path, {"w": SecretStr(f"{postgresql}/postgres")})
    for _ in range(read):
        next(stream.batches)
    del stream
    gc.collect()
    other = psycopg2.connect(f"{postgresql}/postgres")
    with other.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%left alone%' AND pid <> pg_backend_pid()"
        )
        left = cursor.fetchone()
    other.close()
    assert left == (0,)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("SELEC 1", "the query over warehouse failed: ", id="not SQL"),
        pytest.param("SELECT * FROM nope", "nope", id="no table"),
        pytest.param("SELECT 1 AS a, 2 AS a", "the query over warehouse has two columns named 'a'", id="duplicate"),
        pytest.param("SELECT 1 AS a WHERE 1 = 0", "the query over warehouse has no rows", id="no rows"),
    ],
)
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_a_query_without_a_table_is_one_sentence(
    ask: Any, said: Any, request: pytest.FixtureRequest, database: str, query: str, message: str
) -> None:
    url = "sqlite://" if database == "sqlite" else f"{request.getfixturevalue('postgresql')}/postgres"
    assert message in said(TableError, lambda: ask(url, query))


def test_a_query_that_changes_something_has_no_result(ask: Any, said: Any, postgresql: str, tmp_path: Path) -> None:
    file = tmp_path / "w.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert "it has to be a SELECT" in said(TableError, lambda: ask(f"sqlite:///{file}", "UPDATE t SET a = 1"))
    assert "syntax error" in said(
        TableError, lambda: ask(f"{postgresql}/postgres", "UPDATE pg_class SET relname = 'x'")
    )


def test_a_query_that_fails_amid_its_rows_is_one_sentence(ask: Any, said: Any, postgresql: str) -> None:
    query = "SELECT 1 / (g - 90000) AS a FROM generate_series(1, 100000) AS g"
    assert said(TableError, lambda: ask(f"{postgresql}/postgres", query)) == (
        "the query over warehouse failed: division by zero"
    )


@pytest.mark.parametrize("end", ["", ";", " -- all of it", "\n"])
def test_a_query_is_sent_as_it_is_written(ask: Any, postgresql: str, end: str) -> None:
    query = f"SELECT 'a:b :c %s 100%' AS t, '{{\"x\":1}}' AS j WHERE 'abc' LIKE 'a%'{end}"
    expected = {"t": ["a:b :c %s 100%"], "j": ['{"x":1}']}
    assert ask(f"{postgresql}/postgres", query).to_pydict() == expected
    assert ask("sqlite://", query).to_pydict() == expected
