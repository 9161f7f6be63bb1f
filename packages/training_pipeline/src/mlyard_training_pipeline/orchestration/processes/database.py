"""Airflow's database: made or migrated, with the pool that promotions wait in and the account of who logs in."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlyard_training_pipeline.orchestration.errors import DatabaseError
from mlyard_training_pipeline.orchestration.processes.auth import make_account
from mlyard_training_pipeline.orchestration.processes.environment import PROMOTION_POOL
from mlyard_training_pipeline.orchestration.processes.home import prepare
from mlyard_training_pipeline.settings import PREFIX, Settings

_WAY_OUT = f"check that it runs and that this user may write to it, or set {PREFIX}DATABASE_URI"


def initialise(settings: Settings) -> None:
    """Migrate the database, make the pool of promotions and the account; where all is there already, nothing changes.

    Airflow's simple auth manager keeps its accounts elsewhere (`home.write_passwords`).

    Raises:
        CannotStart: Airflow is not installed, or its folder cannot be written to.
        DatabaseError: the database cannot be used.
        SettingsError: a secret is missing or has the wrong form, or the database's URL is wrong.
    """
    # Airflow reads its variables when it is imported.
    os.environ.update(prepare(settings))
    with _alone(settings.airflow_home / "init.lock"), _explained():
        _connect(settings)
        _migrate()
        if settings.auth_manager == "fab":
            make_account(settings.airflow_user, settings.secret("airflow_password"))


def check(settings: Settings) -> None:
    """Check that `initialise` has been run on this database.

    Raises:
        DatabaseError: it has not, or the database cannot be used.
        SettingsError: its URL is wrong, or its driver is missing.
    """
    with _explained():
        if not _connect(settings):
            raise DatabaseError("Airflow's database is empty: run `mlyard-training-pipeline airflow init` first")


def _connect(settings: Settings) -> bool:
    """Return whether the database has Airflow's tables."""
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.pool import NullPool

    engine = create_engine(settings.airflow_database.get_secret_value(), poolclass=NullPool)
    with engine.connect() as connection:
        return inspect(connection).has_table("alembic_version")


def _migrate() -> None:
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    upgradedb()
    Pool.create_or_update_pool(PROMOTION_POOL, slots=1, description="One promotion at a time", include_deferred=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process at a time on: on SQLite, Airflow's own lock does not exist. It goes with its process."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _explained() -> Iterator[None]:
    from alembic.util import CommandError
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    try:
        yield
    except (ArgumentError, ImportError, NoSuchModuleError):
        raise DatabaseError(
            f"{PREFIX}DATABASE_URI is not the URL of a database that can be reached from here: "
            "give one such as postgresql://user@host/airflow"
        ) from None
    except DBAPIError as error:
        cause = str(error.orig).strip().splitlines()[0]
        raise DatabaseError(f"Airflow's database cannot be used ({cause}): {_WAY_OUT}") from None
    except CommandError as error:
        raise DatabaseError(
            f"Airflow's database is of another version of Airflow ({error}): install that, or set {PREFIX}DATABASE_URI"
        ) from None
