"""Bring the database to the schemas of the installed MLflow, wholly or not at all.

PostgreSQL runs all migrations of a schema in one transaction. SQLite commits every change of a table at once, so there
a copy is migrated and then takes the original's place in one step. Either way, a second start waits and finds the work
done.
"""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlyard_shared.errors import MlyardError

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

MIGRATION_LOCK = 0x6D6C79617264  # "mlyard" in ASCII: the key of PostgreSQL's advisory lock
CONNECT_SECONDS = 10


class DatabaseError(MlyardError):
    """The database cannot be used as it is."""


@dataclass(frozen=True)
class Schema:
    """Tables that MLflow migrates together: its folder of migrations, and the table that tells how far they went."""

    migrations: str
    revision_table: str
    upgrade: Callable[[str], None]


@contextmanager
def migrated(uri: str, schemas: Sequence[Schema]) -> Iterator[None]:
    """Create or update MLflow's tables, and hold off other servers that start on them until the block ends.

    Raises:
        DatabaseError: the database is out of reach, unreadable, in use during a migration, or newer than this MLflow.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    url = _parse(uri)
    migrated_by = _migrated_file if url.get_backend_name() == "sqlite" else _migrated_server
    try:
        with migrated_by(url, schemas):
            yield
    except (SQLAlchemyError, sqlite3.Error, OSError, MlflowException) as error:
        raise DatabaseError(
            f"the database {_shown(url)} cannot be used: {_reason(error)}; "
            "repair it, or set MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI to another"
        ) from error


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite URI, None for a database server."""
    url = _parse(uri)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def shown(uri: str) -> str:
    """Name a database as messages may, without its password."""
    return _shown(_parse(uri))


def connect_arguments(uri: str) -> dict[str, Any]:
    """Return what psycopg's `connect` takes, for the URI of a database server."""
    url = _parse(uri)
    _, arguments = url.get_dialect()().create_connect_args(url)
    return dict(arguments)


def _parse(uri: str) -> "URL":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
        unreadable = "@" in (url.host or "")
    except (ArgumentError, ValueError):
        unreadable = True
    if unreadable:
        raise DatabaseError(
            "MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI is not a readable URL: "
            "special characters in a password have to be percent-encoded (@ as %40)"
        ) from None
    return url


@contextmanager
def _migrated_file(url: "URL", schemas: Sequence[Schema]) -> Iterator[None]:
    file = Path(url.database or "")
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            file.open("r+b").close()
            with _engine(f"sqlite:///{file}") as engine:
                outdated = [schema for schema in schemas if not _is_current(engine, schema)]
        else:
            outdated = list(schemas)
        if outdated:
            _migrate_copy(file, outdated)
        yield


def _migrate_copy(file: Path, schemas: Sequence[Schema]) -> None:
    copy = file.with_name(f"{file.name}.migrating")
    copy.unlink(missing_ok=True)
    try:
        _copy(file, copy)
        for schema in schemas:
            schema.upgrade(f"sqlite:///{copy}")
        if any(file.with_name(f"{file.name}{suffix}").exists() for suffix in ("-wal", "-journal")):
            raise DatabaseError(f"another program has {file} open: stop it, the tables have to be migrated first")
        copy.replace(file)
    finally:
        copy.unlink(missing_ok=True)


def _copy(file: Path, copy: Path) -> None:
    if file.exists():
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        copy.chmod(file.stat().st_mode)


@contextmanager
def _migrated_server(url: "URL", schemas: Sequence[Schema]) -> Iterator[None]:
    from sqlalchemy import text

    query = {"connect_timeout": str(CONNECT_SECONDS), **url.query}
    uri = url.set(query=query).render_as_string(hide_password=False)
    with _engine(uri) as engine, engine.connect() as session:
        session.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        # The lock is the session's own: it ends with the connection, however this process ends.
        session.commit()
        for schema in schemas:
            if not _is_current(engine, schema):
                schema.upgrade(uri)
        yield
        session.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})


@contextmanager
def _engine(uri: str) -> "Iterator[Engine]":
    from sqlalchemy import create_engine

    engine = create_engine(uri)
    try:
        yield engine
    finally:
        engine.dispose()


def _is_current(engine: "Engine", schema: Schema) -> bool:
    """Tell whether nothing has to be done.

    Raises:
        DatabaseError: the schema's revision is not one of this MLflow's.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    with engine.connect() as connection:
        options = {"version_table": schema.revision_table}
        revision = MigrationContext.configure(connection, opts=options).get_current_revision()
    if revision is None:
        return False
    scripts = ScriptDirectory(str(files("mlflow") / schema.migrations))
    try:
        scripts.get_revision(revision)
    except CommandError as error:
        raise DatabaseError(
            f"the database {_shown(engine.url)} has the schema revision {revision}, unknown to "
            f"MLflow {version('mlflow')}: it was written by a newer MLflow or by another program; "
            "install that MLflow, or set MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI to another database"
        ) from error
    return revision in scripts.get_heads()


def _upgrade_tracking(uri: str) -> None:
    """Do what `mlflow db upgrade` does, which would have the URI with its password on the command line."""
    from mlflow.db import upgrade

    upgrade.main([uri], standalone_mode=False)


def _upgrade_sign_in(uri: str) -> None:
    from mlflow.server.auth.db.utils import migrate_if_needed

    with _engine(uri) as engine:
        migrate_if_needed(engine, "head")


TRACKING = Schema("store/db_migrations", "alembic_version", _upgrade_tracking)
SIGN_IN = Schema("server/auth/db/migrations", "alembic_version_auth", _upgrade_sign_in)


def _shown(url: "URL") -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.database} on {url.host or 'this machine'}{f':{url.port}' if url.port else ''}"


def _reason(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(cause).partition("\n")[0] or type(cause).__name__
