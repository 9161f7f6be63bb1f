"""What a user may set."""

import base64
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote

from mlyard_shared.account import Account
from mlyard_shared.errors import SettingsError
from mlyard_shared.settings import ServiceSettings
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from mlyard_training_pipeline.connections import Connections, with_keys
from mlyard_training_pipeline.database_url import with_installed_driver

PREFIX = "MLYARD_TRAINING_PIPELINE_"
Mail = TypeVar("Mail", str, tuple[str, ...])


def _names(given: object) -> object:
    return tuple(name.strip() for name in given.split(",") if name.strip()) if isinstance(given, str) else given


def _number(given: object) -> object:
    return int(given) if isinstance(given, str) and given.strip().isdecimal() else given


def _importable(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(name.isidentifier() for name in names):
        raise ValueError("must be names of packages with commas between them, as in acme_models,acme_trees")
    return names


def _absolute(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    if not all(folder.is_absolute() for folder in folders):
        raise ValueError("must be absolute paths with commas between them, as in /data/tables,/mnt/exports")
    return folders


def _signing(secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """The secret that webhooks are signed with (Standard Webhooks: `whsec_` and the key in base64)."""
    value = secret.get_secret_value().strip() if secret else ""
    if not info.data.get("notify_webhook_url"):
        return None
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not value.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError(
            f"must be whsec_ followed by 24 to 64 random bytes in base64, here or in the file notify_webhook_secret of "
            f"the folder that {PREFIX}SECRETS_DIR names"
        )
    return SecretStr(value)


def _for_mail(given: Mail, info: ValidationInfo) -> Mail:
    """An address or several ones, which mail cannot do without."""
    addresses = (given,) if isinstance(given, str) else given
    if info.data.get("notify_smtp_host") and not (addresses and all("@" in address for address in addresses)):
        raise ValueError("must be an address of mail where NOTIFY_SMTP_HOST is set")
    return given


CONTRACT_VERSION = "1.0"
"""Of the settings as a contract: the major one is raised when a setting goes or means something else."""


class Settings(ServiceSettings):
    """The settings of the training pipeline. Relative paths start at the folder that a command is run in.

    `database_uri` is Airflow's own database, a SQLite file in `state` where none is given. `connections` maps the names
    that specs use to SQLAlchemy URLs, so that no spec holds a password; its names are spelled as `connection_key` says.
    `notify_*` say who is told of failed trainings and moves of champions (`notifications`).
    `model_version_contract` is the contract that versions are written by: the one before where an API is older.
    `addresses` and the three settings of the model API are what `ensure` shows in the end (`client.summary`).
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=None)

    registry_uri: str = Field("http://127.0.0.1:5000", min_length=1)
    registry_username: str | None = None
    registry_password: SecretStr | None = None
    models: Path = Path("examples")
    source_folders: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_names), AfterValidator(_absolute)] = ()
    estimator_packages: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_importable)] = ()
    state: Path = Path(".mlyard/training_pipeline")
    database_uri: SecretStr | None = None
    auth_manager: Literal["simple", "fab"] = "simple"
    parallelism: int = Field(8, ge=1, le=256)
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8080, ge=1, le=65535)
    access_log: bool = False
    airflow_url: str = Field("http://127.0.0.1:8080", pattern="^https?://")
    airflow_user: str = Field("admin", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    model_api_url: str = Field("", pattern="^(https?://.*)?$")
    model_api_address: str = Field("", pattern="^(https?://.*)?$")
    model_api_key_command: str = ""
    addresses: str = ""
    snapshot_retention: int = Field(10, ge=1)
    evidence: bool = True
    model_version_contract: Annotated[Literal[1, 2], BeforeValidator(_number)] = 2
    notify_webhook_url: str = Field("", pattern="^(https?://.+)?$")
    notify_webhook_secret: Annotated[SecretStr | None, AfterValidator(_signing)] = Field(None, validate_default=True)
    notify_smtp_host: str = ""
    notify_smtp_port: int = Field(587, ge=1, le=65535)
    notify_smtp_tls: Literal["starttls", "implicit", "none"] = "starttls"
    notify_smtp_user: str = ""
    notify_smtp_password: SecretStr | None = None
    notify_from: Annotated[str, AfterValidator(_for_mail)] = Field("", validate_default=True)
    notify_to: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_for_mail)] = Field(
        (), validate_default=True
    )
    connections: Annotated[dict[str, SecretStr], BeforeValidator(with_keys)] = {}
    airflow_password: SecretStr | None = None
    airflow_jwt_secret: SecretStr | None = None
    airflow_secret_key: SecretStr | None = None
    airflow_fernet_key: SecretStr | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the connections by a rule of their own, since their names may hold the delimiter of nested settings."""
        others = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        return *others, Connections(settings_cls, cls.secrets_folder())

    @property
    def registry_account(self) -> Account | None:
        """The account in the registry, where it asks for one.

        Raises:
            SettingsError: the name is set without the password, or the password without the name.
        """
        return Account.of(self.registry_username, self.registry_password, prefix=PREFIX)

    @property
    def table_folders(self) -> tuple[Path, ...]:
        """The folders that hold the tables of specs which others have put into `models`."""
        return self.models.absolute(), *self.source_folders

    @property
    def airflow_database(self) -> SecretStr:
        """The URI of Airflow's database, with a driver that is installed.

        Raises:
            SettingsError: there is none for it, or it is not a URI of a database.
        """
        if self.database_uri is None:
            return SecretStr(f"sqlite:///{quote(str(self.airflow_home / 'airflow.db'))}")
        try:
            return SecretStr(with_installed_driver(self.database_uri.get_secret_value().strip()))
        except SettingsError as error:
            raise SettingsError(f"{PREFIX}DATABASE_URI: {error}") from None

    @property
    def airflow_home(self) -> Path:
        """The folder of Airflow's own files."""
        return self.state.absolute() / "airflow"

    @property
    def snapshots(self) -> Path:
        """The local cache of snapshots; everything in it can be fetched again."""
        return self.state / "snapshots"

    @property
    def trainings(self) -> Path:
        """The locks of the trainings that processes carry out by themselves."""
        return self.state / "trainings"

    @property
    def running(self) -> Path:
        """The places of the steps that run at once, among which the processors are divided."""
        return self.state / "running"

    def secret(self, field: str) -> str:
        """Return a secret that what runs now cannot do without.

        Raises:
            SettingsError: it is not set; the message names its variable and its file.
        """
        value: SecretStr | None = getattr(self, field)
        if value is None or not value.get_secret_value():
            raise SettingsError(
                f"{PREFIX}{field.upper()} is not set: put it into the file {field} of the folder that "
                f"{PREFIX}SECRETS_DIR names"
            )
        return value.get_secret_value()
