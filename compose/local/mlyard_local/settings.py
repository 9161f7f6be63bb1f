"""The settings of `up`, `down`, `ps` and `logs`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlyard_local.errors import SettingsError

ROOT = Path(__file__).resolve().parents[3]
"""The repository, where every command is run and where relative paths start."""

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Read once, with `load()`. The ports are the services' own variables."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    state: Path = Field(default=Path(".mlyard"), validation_alias="MLYARD_STATE")
    models: Path = Field(default=Path("examples"), validation_alias="MLYARD_MODELS")
    mlflow_server_port: Port = Field(default=5000, validation_alias="MLYARD_MLFLOW_SERVER_PORT")
    training_pipeline_port: Port = Field(default=8080, validation_alias="MLYARD_TRAINING_PIPELINE_PORT")
    model_api_port: Port = Field(default=8000, validation_alias="MLYARD_MODEL_API_PORT")

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if len({self.mlflow_server_port, self.training_pipeline_port, self.model_api_port}) < 3:
            raise ValueError(
                "MLYARD_MLFLOW_SERVER_PORT, MLYARD_TRAINING_PIPELINE_PORT and MLYARD_MODEL_API_PORT must differ"
            )
        return self

    @classmethod
    def load(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: a value is wrong; the message names its variable.
        """
        try:
            return cls()
        except ValidationError as error:
            problems = [
                ": ".join(filter(None, [".".join(map(str, problem["loc"])), problem["msg"]]))
                for problem in error.errors(include_url=False, include_input=False, include_context=False)
            ]
            raise SettingsError("; ".join(problems)) from None

    def port(self, variable: str) -> int:
        """Return the port that a variable sets."""
        fields = {field.validation_alias: name for name, field in type(self).model_fields.items()}
        port: int = getattr(self, fields[variable])
        return port

    def specs(self) -> Path:
        """Return the folder of model specs, absolute.

        Raises:
            SettingsError: there is no such folder.
        """
        folder = absolute(self.models)
        if not folder.is_dir():
            raise SettingsError(f"MLYARD_MODELS: there is no folder {folder}; name the folder of your model specs")
        return folder


def absolute(path: Path) -> Path:
    """Return the path as the services get it: `~` and links resolved, relative ones from the repository."""
    return (ROOT / path.expanduser()).resolve()
