"""A connection by the name that specs use, and the errors of its database as sentences that show no password."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from mlyard_shared.errors import SettingsError, SourceUnavailable, TableError
from pydantic import SecretStr
from sqlalchemy import exc

from mlyard_training_pipeline.connections import connection_key
from mlyard_training_pipeline.database_url import with_installed_driver
from mlyard_training_pipeline.settings import PREFIX

_PASSING = re.compile("starting up|shutting down|too many (clients|connections)|terminating connection", re.IGNORECASE)


def url_of(name: str, connections: Mapping[str, SecretStr]) -> sqlalchemy.URL:
    """Return the URL of a connection, whose name may be spelled as variables spell it.

    Raises:
        SettingsError: there is none, or it cannot be opened here.
    """
    known = {connection_key(other): url for other, url in connections.items()}
    url = known.get(connection_key(name))
    if url is None:
        variable = f"{PREFIX}CONNECTIONS__{connection_key(name).upper()}"
        raise SettingsError(
            f"connection {name} has no URL: set {variable}, or write a secrets file connections__{name}"
        )
    try:
        return _parsed(with_installed_driver(url.get_secret_value().strip()))
    except SettingsError as error:
        raise SettingsError(f"connection {name}: {error}") from None


@contextmanager
def connected(name: str, url: sqlalchemy.URL) -> Iterator[sqlalchemy.Connection]:
    """Open a connection for one query that is streamed, and sent as it is written.

    Raises:
        SourceUnavailable: the database does not answer.
        TableError: it refuses us.
    """
    try:
        engine = sqlalchemy.create_engine(url, hide_parameters=True, poolclass=sqlalchemy.NullPool)
    except ImportError:
        raise SettingsError(f"connection {name}: its driver {url.drivername} cannot be loaded") from None
    with explained(name, url):
        connection = engine.connect()
    try:
        # Without parameters % and : are what they are in SQL.
        yield connection.execution_options(stream_results=True, no_parameters=True)
    finally:
        connection.close()


@contextmanager
def explained(name: str, url: sqlalchemy.URL, *, doing: str = "the query over") -> Iterator[None]:
    """Say what the database says, without its password."""
    try:
        yield
    except exc.ResourceClosedError:
        raise TableError(f"the query over {name} has no result: it has to be a SELECT") from None
    except exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        message = " ".join(str(cause).strip().splitlines()[:1]) or type(cause).__name__
        if url.password:
            message = message.replace(str(url.password), "***")
        kind = SourceUnavailable if _is_passing(error, url) else TableError
        raise kind(f"{doing} {name} failed: {message}") from None
    except (ValueError, ArithmeticError) as error:
        raise TableError(f"the query over {name} gives a value that cannot be read: {error}") from None


def _parsed(url: str) -> sqlalchemy.URL:
    try:
        parsed = sqlalchemy.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise SettingsError("it is not a database URL: check its port and its special characters") from None
    if "@" in (parsed.host or ""):
        raise SettingsError("its password holds @, which has to be written as %40 in a URL")
    if parsed.get_backend_name() == "sqlite":
        _check_file(parsed)
    return parsed


def _check_file(url: sqlalchemy.URL) -> None:
    """Refuse a SQLite file that is not there, since SQLite would make an empty one."""
    if url.host:
        raise SettingsError("a SQLite file is written after three slashes: sqlite:///FILE")
    file = url.database or ":memory:"
    if not file.startswith((":memory:", "file:")) and not Path(file).is_file():
        raise SettingsError("its SQLite file does not exist")


def _is_passing(error: exc.SQLAlchemyError, url: sqlalchemy.URL) -> bool:
    if not isinstance(error, exc.DBAPIError) or url.get_backend_name() == "sqlite":
        return False
    message = str(error.orig)
    if error.connection_invalidated or _PASSING.search(message):
        return True
    # The server's own refusals, such as a wrong password, begin so.
    return isinstance(error, exc.OperationalError) and error.statement is None and "FATAL:" not in message
