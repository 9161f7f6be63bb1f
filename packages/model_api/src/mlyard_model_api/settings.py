"""What a user may set."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from mlyard_shared.account import Account
from mlyard_shared.settings import ServiceSettings
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

PREFIX = "MLYARD_MODEL_API_"
MODEL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
"""The names that a model spec may have: safe as folders and in addresses."""

_KEY = re.compile(r"[!-~]{16,}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    return value


def _models(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(MODEL_NAME.fullmatch(name) for name in names):
        raise ValueError("must be names of models with commas between them, as in penguins,diabetes")
    return names


def _none(value: object) -> object:
    return value or None  # compose passes on what is not set as an empty text


def _loadable(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if names == ("*",) else _models(names)


def _model(name: str | None) -> str | None:
    if name is not None and not MODEL_NAME.fullmatch(name):
        raise ValueError("must be the name of a model")
    return name


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be origins with commas between them, as in https://app.example.com, or *")
    return origins


def _prefix(path: str) -> str:
    path = path.rstrip("/")
    if path and not _PATH.fullmatch(path):
        raise ValueError("must be a path, as in /models-api")
    return path


def _registry(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be the address of an MLflow server, as in http://127.0.0.1:5000")
    if parts.password is not None or parts.username is not None:
        raise ValueError("must hold no account: set MLYARD_MODEL_API_REGISTRY_USERNAME and its password")
    return uri.rstrip("/")


def _key(key: SecretStr) -> SecretStr:
    if not _KEY.fullmatch(key.get_secret_value()):
        raise ValueError("must be 16 or more characters of ASCII without spaces")
    return key


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


CONTRACT_VERSION = "1.0"
"""Of the settings as a contract: the major one is raised when a setting goes or means something else."""


class Settings(ServiceSettings):
    """The settings of one model API. Relative paths start at the folder that `serve` is run in."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8000, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=64)
    registry_uri: Annotated[str, AfterValidator(_registry)] = "http://127.0.0.1:5000"
    registry_username: str | None = None
    registry_password: SecretStr | None = None
    cache: Path = Path("model-cache")
    models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_models)] = ()
    loadable_models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_loadable)] = ()
    default_model: Annotated[str | None, BeforeValidator(_none), AfterValidator(_model)] = None
    poll_seconds: float = Field(2.0, ge=0.05, le=3600)
    max_body_bytes: int = Field(16 * 1024**2, ge=1)
    max_rows: int = Field(10_000, ge=1)
    bodies_bytes: int = Field(64 * 1024**2, ge=1)
    queue_rows: int = Field(100_000, ge=1)
    deadline_seconds: float = Field(30.0, gt=0, le=3600)
    header_seconds: float = Field(10.0, gt=0, le=3600)
    body_seconds: float = Field(60.0, gt=0, le=3600)
    keep_alive_seconds: float = Field(120.0, gt=0, le=86400)
    download_seconds: float = Field(600.0, gt=0, le=86400)
    download_bytes: int = Field(4 * 1024**3, ge=1)
    trial_seconds: float = Field(60.0, gt=0, le=3600)
    latency_budget_ms: float = Field(1000.0, gt=0)
    retention_days: float = Field(7.0, ge=0, le=3650)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = "text"
    log_requests: bool = False
    anonymous_metrics: bool = False
    anonymous_predictions: bool = False
    anonymous_docs: bool = True
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_origins)] = ()
    path_prefix: Annotated[str, AfterValidator(_prefix)] = ""
    api_key: Annotated[SecretStr, AfterValidator(_key)] | None = None

    @property
    def registry_account(self) -> Account | None:
        """The account in the registry, where it asks for one.

        Raises:
            SettingsError: the name is set without the password, or the password without the name.
        """
        return Account.of(self.registry_username, self.registry_password, prefix=PREFIX)
