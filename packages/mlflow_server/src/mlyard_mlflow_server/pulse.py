"""Whether the database answers now: a question that a frozen or locked one cannot answer."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from mlyard_mlflow_server.database import DatabaseError, connect_arguments, shown, sqlite_file

QUESTION = "SELECT version_num FROM alembic_version"
"""Wants the database's own process, its disk and MLflow's tables, and is one row."""
LOCKED_SECONDS = 2.0
CONNECT_SECONDS = 2


class Pulse:
    """A connection of its own to the database, so that a busy pool does not look like a dead database."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._file = sqlite_file(uri)
        self._session: psycopg.Connection[Any] | None = None
        self._one_at_a_time = threading.Lock()

    def feel(self) -> None:
        """Ask the database. This may block for as long as the database does.

        Raises:
            DatabaseError: it does not answer.
        """
        with self._one_at_a_time:
            try:
                if self._file is None:
                    self._ask_server()
                else:
                    _ask_file(self._file)
            except (sqlite3.Error, psycopg.Error) as error:
                reason = str(error).partition("\n")[0] or type(error).__name__
                raise DatabaseError(f"the database {shown(self._uri)} does not answer: {reason}") from error

    def close(self) -> None:
        """Give the connection back."""
        if self._session is not None:
            self._session.close()

    def _ask_server(self) -> None:
        if self._session is not None:
            try:
                self._session.execute(QUESTION)
            except psycopg.OperationalError:
                self._session.close()  # the server was restarted: that alone is not a fault
            else:
                return
        self._session = psycopg.connect(
            **{**connect_arguments(self._uri), "connect_timeout": CONNECT_SECONDS}, autocommit=True
        )
        self._session.execute(QUESTION)


def _ask_file(file: Path) -> None:
    # A file that is gone must not be made anew.
    place = f"{file.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(place, uri=True, timeout=LOCKED_SECONDS, isolation_level=None)) as session:
        # The lock of a writer: one that another program holds stops MLflow's writes, if not its reads.
        session.execute("BEGIN IMMEDIATE")
        session.execute(QUESTION).fetchone()
        session.execute("ROLLBACK")
