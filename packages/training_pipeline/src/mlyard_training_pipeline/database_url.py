"""SQLAlchemy URLs: a database that is named without its driver gets the driver that is installed."""

import difflib
import re
from importlib.util import find_spec
from typing import NamedTuple

from mlyard_shared.errors import SettingsError


class _Driver(NamedTuple):
    module: str
    package: str


_DRIVERS = {
    "postgresql": {
        "psycopg2": _Driver("psycopg2", "psycopg2-binary"),
        "psycopg": _Driver("psycopg", "psycopg[binary]"),
        "pg8000": _Driver("pg8000", "pg8000"),
    },
    "mysql": {
        "mysqldb": _Driver("MySQLdb", "mysqlclient"),
        "pymysql": _Driver("pymysql", "pymysql"),
        "mysqlconnector": _Driver("mysql.connector", "mysql-connector-python"),
        "mariadbconnector": _Driver("mariadb", "mariadb"),
        "cymysql": _Driver("cymysql", "cymysql"),
        "pyodbc": _Driver("pyodbc", "pyodbc"),
    },
    "mssql": {
        "pyodbc": _Driver("pyodbc", "pyodbc"),
        "pymssql": _Driver("pymssql", "pymssql"),
        "mssqlpython": _Driver("mssql_python", "mssql-python"),
    },
    "oracle": {"oracledb": _Driver("oracledb", "oracledb"), "cx_oracle": _Driver("cx_Oracle", "cx-Oracle")},
    "sqlite": {"pysqlite": _Driver("sqlite3", "a Python with SQLite")},
}
"""SQLAlchemy's own dialects with their drivers, the first choice first."""

_SAME = {"postgres": "postgresql", "pgsql": "postgresql", "mariadb": "mysql", "sqlite3": "sqlite", "sqlserver": "mssql"}
_SPELLED = {"mariadb": "mariadb"}
"""Dialects that SQLAlchemy tells from the one whose drivers they share."""

_ASYNC = ("asyncpg", "psycopg_async", "aiosqlite", "aiomysql", "asyncmy", "aioodbc", "oracledb_async")
_URL = re.compile(r"(?P<dialect>[A-Za-z]\w*)(\+(?P<driver>\w+))?://", re.ASCII)


def with_installed_driver(url: str) -> str:
    """Return a URL with its dialect as SQLAlchemy calls it, and a driver that is installed.

    `postgres://` and `postgresql://` mean psycopg2 where that is installed, else psycopg. Dialects of other packages
    stay as they are. No message holds more of the URL than its dialect and driver, and none has a subject: the
    caller says first which setting is meant.

    Raises:
        SettingsError: it is not a URL, its driver is async or not installed; and what would be right.
    """
    found = _URL.match(url)
    if found is None:
        raise SettingsError("it is not a database URL: write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE")
    named, driver = found["dialect"].lower(), (found["driver"] or "").lower()
    dialect = _SAME.get(named, named)
    known = _DRIVERS.get(dialect, {})
    if driver not in {"", *known, *_ASYNC} or not known:
        if _is_of_another_package(named, driver):
            return url
        if not known:
            raise SettingsError(_unknown_dialect(named))
    spelled = _SPELLED.get(named, dialect)
    chosen = _driver(spelled, dialect, driver)
    # SQLite's is Python's own, and Airflow looks for the plain form.
    return f"{spelled if dialect == 'sqlite' else f'{spelled}+{chosen}'}://{url[found.end() :]}"


def _driver(spelled: str, dialect: str, driver: str) -> str:
    known = _DRIVERS[dialect]
    installed = [name for name, needs in known.items() if _is_installed(needs.module)]
    if driver in installed:
        return driver
    first = next(iter(known))
    if installed:
        instead = f"write {spelled}://, which means {installed[0]} here"
    else:
        instead = f"install {known[first].package} and write {spelled}://"
    if driver in _ASYNC:
        raise SettingsError(f"its driver {driver} is async, but a blocking one is needed: {instead}")
    if driver in known:
        choice = f", or {instead}" if installed else ""
        raise SettingsError(f"its driver {driver} is not installed: install {known[driver].package}{choice}")
    if driver:
        raise SettingsError(f"{driver!r} is not a driver for {spelled}: {instead}")
    if not installed:
        raise SettingsError(f"no driver for {spelled} is installed: install {known[first].package}")
    return installed[0]


def _unknown_dialect(named: str) -> str:
    close = difflib.get_close_matches(named, [*_DRIVERS, *_SAME], n=1)
    hint = f"did you mean {_SAME.get(close[0], close[0])}?" if close else "install the package that brings it"
    return f"{named!r} is not a database that SQLAlchemy knows here: {hint}"


def _is_of_another_package(named: str, driver: str) -> bool:
    from importlib.metadata import entry_points  # 20 ms, which a health check with a plain URL does not pay

    name = f"{named}.{driver}" if driver else named
    return bool(entry_points(group="sqlalchemy.dialects", name=name))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that the module would be in
        return False
