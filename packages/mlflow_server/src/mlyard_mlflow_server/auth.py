"""MLflow's sign-in, with its tables beside all others in the one database."""

import os
from collections.abc import Callable
from configparser import ConfigParser
from tempfile import NamedTemporaryFile
from types import ModuleType
from typing import Any

from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server.environment import quiet_import
from mlyard_mlflow_server.settings import Settings

ADMIN = "admin"
PIPELINE = "pipeline"
READER = "api"
CACHE_SECONDS = 60
"""A worker may take an old password for this long: without that memory each request costs a hash of 0.1 s and more."""

WRITES = ("experiment", "registered_model", "prompt")
"""What the pipeline manages whoever made it; runs, logged models and versions follow what they belong to."""


def load_auth(settings: Settings) -> ModuleType:
    """Import MLflow's sign-in. It reads its configuration from a file, once, while it is imported.

    The file holds the database's URI, so it is for this user alone and gone again when this returns.
    """
    configuration = ConfigParser()
    configuration["mlflow"] = {
        "database_uri": settings.backend_store_uri.get_secret_value().replace("%", "%%"),
        "admin_username": ADMIN,
        "default_permission": "READ",
        "auth_cache_ttl_seconds": str(CACHE_SECONDS),
    }
    with NamedTemporaryFile("w", prefix="mlyard-", suffix=".ini") as file, quiet_import():
        configuration.write(file)
        file.flush()
        os.environ["MLFLOW_AUTH_CONFIG_PATH"] = file.name
        from mlflow.server import auth
    del os.environ["MLFLOW_AUTH_CONFIG_PATH"]
    module: ModuleType = auth
    return module


class AccountsUnavailable(MlyardError):
    """Nobody can tell now whether a password is right."""


def password_check(auth: ModuleType) -> Callable[[str, str], bool]:
    """Return MLflow's own check of a password, which fills the memory that its routes look into. It may block."""

    def check(name: str, password: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return auth._authenticate_cached(name, password) is not None  # noqa: SLF001 - a test holds the name
        except MlflowException as error:
            raise AccountsUnavailable(error.message) from error

    return check


def is_reader(store: Any, name: str) -> bool:
    """Whether an account is a person's who reads: it has been granted that for everything, and no more."""
    return any((one.experiment_id, one.permission) == ("*", "READ") for one in store.list_experiment_permissions(name))


def reader_check(auth: ModuleType) -> Callable[[str], bool]:
    """Return the check of whether a person only reads. It may block."""

    def check(name: str) -> bool:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return is_reader(auth.store, name)
        except (MlflowException, SQLAlchemyError) as error:
            raise AccountsUnavailable(str(error).partition("\n")[0]) from error

    return check


def update_accounts(settings: Settings) -> None:
    """Make the three accounts, or give those that exist the passwords and the rights that they have to have."""
    store = load_auth(settings).store
    store.init_db(settings.backend_store_uri.get_secret_value())
    for name, secret in (
        (ADMIN, settings.admin_password),
        (PIPELINE, settings.pipeline_password),
        (READER, settings.api_password),
    ):
        if secret is not None:
            _update(store, name, password=secret.get_secret_value())
    for kind in WRITES:
        store.grant_user_permission(PIPELINE, kind, "*", "MANAGE")


def _update(store: Any, name: str, *, password: str) -> None:
    is_admin = name == ADMIN
    if not store.has_user(name):
        store.create_user(name, password, is_admin=is_admin)
    elif not store.authenticate_user(name, password) or store.get_user(name).is_admin != is_admin:
        store.update_user(name, password=password, is_admin=is_admin)
