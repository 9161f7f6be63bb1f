import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlyard_shared.errors import SettingsError
from mlyard_training_pipeline.database_url import with_installed_driver

Install = Callable[..., None]


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make these modules the only drivers that Python finds."""
    from mlyard_training_pipeline import database_url

    def install(*modules: str) -> None:
        for module in modules:
            (tmp_path / f"{module}.py").touch()
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        for drivers in database_url._DRIVERS.values():
            for driver in drivers.values():
                monkeypatch.delitem(sys.modules, driver.module, raising=False)

    return install


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "pgsql", "PostgreSQL", "postgresql+psycopg2"])
def test_a_url_of_postgresql_means_the_driver_that_is_installed(scheme: str) -> None:
    rest = "me:p%40ss@[::1]:5432/db?passfile=/run/pgpass&x=a://b"
    assert with_installed_driver(f"{scheme}://{rest}") == f"postgresql+psycopg2://{rest}"


def test_psycopg_is_taken_where_psycopg2_is_not_installed(only: Install) -> None:
    only("psycopg")
    assert with_installed_driver("postgres://host/db") == "postgresql+psycopg://host/db"


@pytest.mark.parametrize("url", ["sqlite:///x.db", "sqlite+pysqlite:///x.db", "sqlite3:///x.db"])
def test_sqlite_needs_no_driver(url: str) -> None:
    assert with_installed_driver(url) == "sqlite:///x.db"


def test_mariadb_stays_mariadb(only: Install) -> None:
    only("pymysql")
    assert with_installed_driver("mariadb://host/db") == "mariadb+pymysql://host/db"
    assert with_installed_driver("mysql://host/db") == "mysql+pymysql://host/db"


def test_the_dialect_of_another_package_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "warehouse-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: warehouse\nVersion: 1\n")
    entries = "[sqlalchemy.dialects]\nsnowflake = warehouse:Dialect\npostgresql.special = warehouse:Special\n"
    (folder / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(tmp_path)
    assert with_installed_driver("snowflake://me@account/db") == "snowflake://me@account/db"
    assert with_installed_driver("postgresql+special://host/db") == "postgresql+special://host/db"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("", "is not a database URL: write it as postgresql://USER", id="empty"),
        pytest.param("hunter2", "is not a database URL", id="a password alone"),
        pytest.param("jdbc:postgresql://host/db?password=hunter2", "is not a database URL", id="jdbc"),
        pytest.param("postgresql:/me:hunter2@host/db", "is not a database URL", id="one slash"),
        pytest.param("postgre://me:hunter2@host/db", "did you mean postgresql", id="misspelt"),
        pytest.param("snowflake://me:hunter2@host/db", "install the package that brings it", id="unknown dialect"),
        pytest.param(
            "postgresql+psycopg3://me:hunter2@h/db", "'psycopg3' is not a driver.*write postgresql://", id="unknown"
        ),
        pytest.param(
            "postgresql+psycopg://me:hunter2@h/db", r"install psycopg\[binary\], or write postgresql://", id="missing"
        ),
        pytest.param("oracle://me:hunter2@host/db", "no driver for oracle is installed: install oracledb", id="none"),
        pytest.param("postgresql+asyncpg://me:hunter2@host/db", "asyncpg is async.*write postgresql://", id="asyncpg"),
        pytest.param("postgresql+psycopg_async://me:hunter2@h/db", "is async.*write postgresql://", id="psycopg_async"),
        pytest.param("sqlite+aiosqlite:///hunter2.db", "aiosqlite is async.*write sqlite://", id="aiosqlite"),
        pytest.param("mysql+aiomysql://me:hunter2@host/db", "is async.*install mysqlclient", id="aiomysql"),
    ],
)
def test_a_url_that_cannot_be_opened_is_refused_with_what_would_be_right(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        with_installed_driver(url)
    assert "hunter2" not in str(caught.value)
