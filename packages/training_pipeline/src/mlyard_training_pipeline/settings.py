"""What a user may set."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from mlyard_shared.account import Account
from mlyard_shared.errors import SettingsError
from mlyard_shared.settings import ServiceSettings
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

PREFIX = "MLYARD_TRAINING_PIPELINE_"


POSTGRESQL = "postgresql+psycopg2"
DIALECTS = {"postgres": POSTGRESQL, "postgresql": POSTGRESQL}


def _database(uri: SecretStr) -> SecretStr:
    """Name the driver that is installed, so that a URI from any tutorial works."""
    scheme, separator, rest = uri.get_secret_value().partition("://")
    return SecretStr(f"{DIALECTS.get(scheme, scheme)}{separator}{rest}")


class Settings(ServiceSettings):
    """The settings of the training pipeline. Relative paths start at the folder that a command is run in.

    `database_uri` is Airflow's own database, a SQLite file in `state` where none is given. `connections` maps the names
    that specs use to SQLAlchemy URLs, whose passwords therefore stand in no spec.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    registry_uri: str = Field("http://127.0.0.1:5000", min_length=1)
    registry_username: str | None = None
    registry_password: SecretStr | None = None
    models: Path = Path("examples")
    state: Path = Path(".mlyard/training_pipeline")
    database_uri: Annotated[SecretStr, AfterValidator(_database)] | None = None
    auth_manager: Literal["simple", "fab"] = "simple"
    parallelism: int = Field(8, ge=1, le=256)
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8080, ge=1, le=65535)
    airflow_url: str = Field("http://127.0.0.1:8080", pattern="^https?://")
    airflow_user: str = Field("admin", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    snapshot_retention: int = Field(10, ge=1)
    connections: dict[str, SecretStr] = {}
    airflow_password: SecretStr | None = None
    airflow_jwt_secret: SecretStr | None = None
    airflow_secret_key: SecretStr | None = None
    airflow_fernet_key: SecretStr | None = None

    @property
    def registry_account(self) -> Account | None:
        """The account in the registry, where it asks for one.

        Raises:
            SettingsError: the name is set without the password, or the password without the name.
        """
        return Account.of(self.registry_username, self.registry_password, prefix=PREFIX)

    @property
    def airflow_database(self) -> SecretStr:
        """The URI of Airflow's database."""
        return self.database_uri or SecretStr(f"sqlite:///{quote(str(self.airflow_home / 'airflow.db'))}")

    @property
    def airflow_home(self) -> Path:
        """The folder of Airflow's own files."""
        return self.state.absolute() / "airflow"

    @property
    def snapshots(self) -> Path:
        """The local cache of snapshots; everything in it can be fetched again."""
        return self.state / "snapshots"

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
