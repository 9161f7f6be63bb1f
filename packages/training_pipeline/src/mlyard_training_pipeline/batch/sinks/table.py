"""A table of a database: chunks go into a table beside it, and in the end from there to their place, in transactions.

What a chunk adds and the number of chunks that are there change together, in one transaction; so do the rows of the
output and the record that the job is done. Both are in the table `mlyard_scoring`, a row a job.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from mlyard_shared import spec
from mlyard_shared.errors import SettingsError
from sqlalchemy import Column, MetaData, Table, event, inspect

from mlyard_training_pipeline.batch.request import Job, ScoringError, check_rows
from mlyard_training_pipeline.batch.sinks.copying import column_type, copy_rows
from mlyard_training_pipeline.data.sources.query.connection import explained

LEDGER = "mlyard_scoring"
_TAKEN = ("sqlite", "postgresql")
_BUSY_SECONDS = 30


@contextmanager
def open_table(sink: spec.Sink, url: sqlalchemy.URL) -> Iterator["TableSink"]:
    """Connect to the database of a sink, and keep other jobs from its table until the end.

    Raises:
        SourceUnavailable: the database does not answer.
        TableError: it refuses us.
        ScoringError: another job writes to the table, or the database is one that cannot be written to here.
    """
    name, backend = str(sink.connection), url.get_backend_name()
    if backend not in _TAKEN:
        raise ScoringError(f"connection {name}: predictions are written to PostgreSQL and SQLite, not to {backend}")
    timeout = {"timeout": _BUSY_SECONDS} if backend == "sqlite" else {}
    try:
        engine = sqlalchemy.create_engine(
            url, hide_parameters=True, poolclass=sqlalchemy.NullPool, connect_args=timeout
        )
    except ImportError:
        raise SettingsError(f"connection {name}: its driver {url.drivername} cannot be loaded") from None
    if backend == "sqlite":
        _with_whole_transactions(engine)
    with explained(name, url, doing="writing to"):
        connection = engine.connect()
    try:
        table = TableSink(sink, url, connection)
        if backend == "postgresql":
            table.lock()
        yield table
    finally:
        connection.close()


class TableSink:
    """The table of a sink, over a connection of its own."""

    def __init__(self, sink: spec.Sink, url: sqlalchemy.URL, connection: sqlalchemy.Connection) -> None:
        """Ask nothing yet."""
        self._connection, self._url, self._name = connection, url, str(sink.connection)
        named = str(sink.table)
        schema, _, table = named.rpartition(".") if url.get_backend_name() == "postgresql" else ("", "", named)
        self._schema, self._table, self._existing = schema or None, table, sink.existing
        self._shown = sink.shown
        self._ledger = Table(
            LEDGER,
            MetaData(schema=self._schema),
            Column("job", sqlalchemy.String(64), primary_key=True),
            Column("output", sqlalchemy.Text, nullable=False),
            Column("model", sqlalchemy.Text, nullable=False),
            Column("version", sqlalchemy.BigInteger, nullable=False),
            Column("chunks", sqlalchemy.BigInteger, nullable=False),
            Column("scored_rows", sqlalchemy.BigInteger, nullable=False),
            Column("scored_at", sqlalchemy.DateTime(timezone=True), nullable=False),
            Column("finished_at", sqlalchemy.DateTime(timezone=True)),
        )

    def lock(self) -> None:
        """Keep the jobs of other machines from the table; PostgreSQL lets it go with the connection."""
        number = int.from_bytes(hashlib.sha256(f"{LEDGER} {self._schema} {self._table}".encode()).digest()[:8], "big")
        with self._transaction():
            asked = sqlalchemy.select(sqlalchemy.func.pg_try_advisory_lock(number - 2**63))
            if not self._connection.execute(asked).scalar():
                raise ScoringError(f"another job is writing to {self._shown}: wait for it, or stop it")

    def check(self, schema: Any) -> None:
        """Refuse a table that is there, unless it is to be replaced or added to and has the columns."""
        with self._transaction():
            self._check(schema)

    def has(self, job_id: str) -> bool:
        """Whether the rows of a job are in the table."""
        with self._transaction():
            if not inspect(self._connection).has_table(LEDGER, schema=self._schema):
                return False
            ledger = self._ledger.c
            asked = sqlalchemy.select(ledger.finished_at).where(ledger.job == job_id, ledger.output == self._table)
            return self._connection.execute(asked).scalar() is not None

    def begin(self, job: Job, schema: Any) -> int:
        """Make the table of the job's chunks, or find the one that a former process has left."""
        ledger, staging = self._ledger.c, self._staging(job.id, schema)
        with self._transaction():
            self._ledger.create(self._connection, checkfirst=True)
            of_output = (ledger.output == self._table, ledger.finished_at.is_(None))
            for row in self._connection.execute(sqlalchemy.select(ledger.job, ledger.chunks).where(*of_output)).all():
                if row.job == job.id and inspect(self._connection).has_table(staging.name, schema=self._schema):
                    return int(row.chunks)
                self._forget(row.job, schema)
            staging.create(self._connection)
            if self._columns() is not None:
                self._move(staging)  # no row yet: types that do not go together show now
            self._connection.execute(
                self._ledger.insert().values(
                    job=job.id,
                    output=self._table,
                    model=job.request.model,
                    version=job.version,
                    chunks=0,
                    scored_rows=0,
                    scored_at=job.scored_at,
                )
            )
        return 0

    def write(self, job: Job, number: int, table: Any) -> None:
        """Add the rows of a chunk, and count it."""
        ledger = self._ledger.c
        with self._transaction():
            copy_rows(self._connection, self._staging(job.id, table.schema), table)
            counted = self._connection.execute(
                self._ledger.update()
                .where(ledger.job == job.id, ledger.chunks == number)
                .values(chunks=number + 1, scored_rows=ledger.scored_rows + table.num_rows)
            )
            if counted.rowcount != 1:
                raise ScoringError(f"another job has written to {self._shown} meanwhile: nothing of this one is kept")

    def publish(self, job: Job, schema: Any, *, rows: int) -> int:
        """Bring all rows to their place, and record that."""
        staging = self._staging(job.id, schema)
        with self._transaction():
            counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(staging)
            check_rows(int(self._connection.execute(counted).scalar_one()), wanted=rows)
            if self._columns() is None:
                quoted = self._connection.dialect.identifier_preparer
                renamed = f"ALTER TABLE {quoted.format_table(staging)} RENAME TO {quoted.quote(self._table)}"
                self._connection.exec_driver_sql(renamed)
            else:
                self._check(schema)
                if self._existing == "replace":
                    self._connection.execute(self._target(staging).delete())
                self._move(staging)
                staging.drop(self._connection)
            now = datetime.now(UTC)
            done = self._ledger.update().where(self._ledger.c.job == job.id).values(finished_at=now, scored_rows=rows)
            self._connection.execute(done)
        return rows

    def drop(self, job: Job, schema: Any) -> None:
        """Take the table of the job's chunks away, and its record."""
        with self._transaction():
            self._forget(job.id, schema)

    def _forget(self, job_id: str, schema: Any) -> None:
        self._staging(job_id, schema).drop(self._connection, checkfirst=True)
        self._connection.execute(self._ledger.delete().where(self._ledger.c.job == job_id))

    def _check(self, schema: Any) -> None:
        found = self._columns()
        if found is None:
            return
        if self._table == LEDGER:
            raise ScoringError(f"{self._shown} is where jobs are recorded: give another table")
        if self._existing == "refuse":
            raise ScoringError(
                f"{self._shown} exists: `--existing append` adds to it, `--existing replace` empties it first, or give "
                "another table"
            )
        if lacking := [name for name in schema.names if name not in found]:
            raise ScoringError(
                f"{self._shown} lacks the column{'s' if len(lacking) > 1 else ''} {', '.join(map(repr, lacking))}: "
                "add what is missing, or give another table"
            )

    def _move(self, staging: Table) -> None:
        target = self._target(staging)
        names = [column.name for column in staging.columns]
        self._connection.execute(target.insert().from_select(names, sqlalchemy.select(staging)))

    def _target(self, staging: Table) -> Table:
        columns = [Column(column.name, column.type) for column in staging.columns]
        return Table(self._table, MetaData(schema=self._schema), *columns)

    def _staging(self, job_id: str, schema: Any) -> Table:
        columns = [Column(field.name, column_type(field.type)) for field in schema]
        return Table(f"mlyard_{job_id[:32]}", MetaData(schema=self._schema), *columns)

    def _columns(self) -> set[str] | None:
        """The columns of the table, None where there is none."""
        found = inspect(self._connection)
        if not found.has_table(self._table, schema=self._schema):
            return None
        return {column["name"] for column in found.get_columns(self._table, schema=self._schema)}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self._name, self._url, doing="writing to"), self._connection.begin():
            yield


def _with_whole_transactions(engine: sqlalchemy.Engine) -> None:
    """Let SQLite's transactions begin where SQLAlchemy's do, also before tables are made: Python's driver waits longer.

    Source: SQLAlchemy's documentation of the dialect, "Enabling Non-Legacy SQLite Transactional Modes".
    """

    @event.listens_for(engine, "connect")
    def leave_transactions_alone(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
