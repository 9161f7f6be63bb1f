"""What a user may set."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from mlyard_shared.settings import ServiceSettings
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from mlyard_mlflow_server.address import PREFIX, Address, split_names

POSTGRESQL = "postgresql+psycopg"
DIALECTS = {"sqlite": "sqlite", "postgres": POSTGRESQL, "postgresql": POSTGRESQL, POSTGRESQL: POSTGRESQL}
STORES = ("file", "s3")
SHORTEST_SECRET = 12  # as MLflow wants it of passwords


def _database(uri: SecretStr) -> SecretStr:
    """Name the driver that is installed, so that a URI from any tutorial works."""
    scheme, separator, rest = uri.get_secret_value().partition("://")
    if not separator or scheme not in DIALECTS:
        raise ValueError("must start with sqlite:/// or postgresql://, the databases whose drivers are included")
    if scheme == "sqlite" and rest.partition("?")[0] in ("", "/", "/:memory:"):
        raise ValueError("must name a file, as in sqlite:///folder/mlflow.db")
    return SecretStr(f"{DIALECTS[scheme]}://{rest}")


def _store(root: str) -> str:
    scheme = urlsplit(root).scheme
    if scheme and scheme not in STORES:
        raise ValueError("must be a folder, or start with s3:// or file://")
    if not root:
        raise ValueError("must name a folder or a bucket")
    return root


def _names(value: object) -> object:
    return split_names(value) if isinstance(value, str) else value


CONTRACT_VERSION = "1.0"
"""Of the settings as a contract: the major one is raised when a setting goes or means something else."""


class Settings(ServiceSettings):
    """The settings of one MLflow server. Relative paths start at the folder that `serve` is run in."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, validate_by_name=True, loc_by_alias=False)

    host: str = Field(Address.host, min_length=1)
    port: int = Field(Address.port, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=64)
    backend_store_uri: Annotated[SecretStr, AfterValidator(_database)] = Field(
        SecretStr("sqlite:///mlflow-data/mlflow.db"),
        validation_alias=AliasChoices("MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI", "BACKEND_STORE_URI"),
    )
    artifact_root: Annotated[str, AfterValidator(_store)] = Field(
        "mlflow-data/artifacts",
        validation_alias=AliasChoices("MLYARD_MLFLOW_SERVER_ARTIFACT_ROOT", "ARTIFACT_ROOT"),
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Address.allowed_hosts
    access_log: bool = False
    auth: Literal["none", "basic"] = "none"
    flask_secret_key: SecretStr | None = Field(None, validate_default=True)
    admin_password: SecretStr | None = Field(None, validate_default=True)
    pipeline_password: SecretStr | None = Field(None, validate_default=True)
    api_password: SecretStr | None = Field(None, validate_default=True)

    @field_validator("flask_secret_key", "admin_password", "pipeline_password", "api_password")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        value = "" if secret is None else secret.get_secret_value()
        # One of MLflow's two readers of credentials takes ASCII alone.
        if info.data.get("auth") == "basic" and not (len(value) >= SHORTEST_SECRET and value.isascii()):
            raise ValueError(
                f"{PREFIX}AUTH=basic needs {SHORTEST_SECRET} ASCII characters or more here, "
                f"or in the file {info.field_name} in {PREFIX}SECRETS_DIR"
            )
        return secret

    @property
    def address(self) -> Address:
        """Where the server listens and by which names."""
        return Address(self.host, self.port, self.allowed_hosts)

    @property
    def artifact_folder(self) -> Path | None:
        """The local folder of the artifacts, or None where they lie in a bucket."""
        parts = urlsplit(self.artifact_root)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
        return None if parts.scheme else Path(self.artifact_root)
