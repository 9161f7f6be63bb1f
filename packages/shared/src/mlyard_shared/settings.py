"""Settings of a service: environment variables, and one file for each secret."""

import os
import re
from pathlib import Path
from typing import Self

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError as UnreadableSetting

from mlyard_shared.errors import SettingsError


class ServiceSettings(BaseSettings):
    """Frozen settings, read once at a service's entry with `load()`.

    A subclass sets `env_prefix`. A secret is read from the file that is named as its field, in the folder that
    the variable `<prefix>SECRETS_DIR` names; a variable of the secret's own name wins over the file.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_nested_delimiter="__", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the folder of secrets."""
        folder = cls.secrets_folder()
        if folder is None:
            return init_settings, env_settings
        secrets = NestedSecretsSettingsSource(file_secret_settings, secrets_dir=folder, secrets_prefix="")
        return init_settings, env_settings, secrets

    @classmethod
    def secrets_folder(cls) -> Path | None:
        """The folder of secrets, or None where the service has none.

        Raises:
            SettingsError: there is no such folder.
        """
        variable = f"{cls.model_config.get('env_prefix', '')}SECRETS_DIR"
        folder = os.environ.get(variable)
        if folder is None:
            return None
        if not folder or not Path(folder).is_dir():
            raise SettingsError(f"{variable} has to name a folder, and {folder!r} is not one")
        return Path(folder)

    @classmethod
    def load(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: a value is missing or wrong; the message names its variable, and never the value.
        """
        prefix = cls.model_config.get("env_prefix", "")
        try:
            return cls()
        except ValidationError as error:
            problems = [
                f"{prefix}{'__'.join(str(part) for part in problem['loc']).upper()}: "
                f"{problem['msg'].removeprefix('Value error, ')}"
                for problem in error.errors(include_url=False, include_input=False)
            ]
            raise SettingsError("; ".join(problems)) from None
        except UnreadableSetting as error:
            raise SettingsError(_unreadable(prefix, str(error))) from None
        except UnicodeDecodeError:
            raise SettingsError(f"a secret in {prefix}SECRETS_DIR cannot be read: it is not UTF-8 text") from None
        except OSError as error:
            raise SettingsError(
                f"a secret in {prefix}SECRETS_DIR cannot be read: {error.filename}: {error.strerror}"
            ) from None


def _unreadable(prefix: str, message: str) -> str:
    """The sentence about a list or a mapping that is not JSON; pydantic's own names a class of its own."""
    field = re.search('field "([^"]+)"', message)
    name = field[1].upper() if field else "*"
    return f"""{prefix}{name} has to be JSON, such as ["a", "b"] for a list or {{"a": "b"}} for a mapping"""
