import json
from pathlib import Path

import pytest
from mlyard_shared.errors import SettingsError
from mlyard_training_pipeline.orchestration.processes.environment import airflow_environment
from mlyard_training_pipeline.settings import Settings
from pydantic import SecretStr

from ..conftest import make_settings


def test_every_path_is_absolute_and_below_the_state(settings: Settings) -> None:
    environment = airflow_environment(settings)
    assert Path(environment["AIRFLOW_HOME"]) == settings.state / "airflow"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{settings.state}/airflow/airflow.db"
    assert environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"].startswith(environment["AIRFLOW_HOME"])


def test_relative_folders_mean_the_same_to_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environment = airflow_environment(make_settings(tmp_path, models=Path("models"), state=Path("state")))
    assert environment["MLYARD_TRAINING_PIPELINE_MODELS"] == str(tmp_path / "models")
    assert environment["MLYARD_TRAINING_PIPELINE_STATE"] == str(tmp_path / "state")


def test_the_processes_reach_the_api_server_by_its_address(tmp_path: Path) -> None:
    environment = airflow_environment(make_settings(tmp_path, airflow_url="http://airflow:8080/"))
    assert "AIRFLOW__API__BASE_URL" not in environment, "pages are relative: people may use another name"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow:8080/execution/"


def test_the_bundle_reads_the_folder_of_specs(settings: Settings) -> None:
    (bundle,) = json.loads(airflow_environment(settings)["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    assert bundle["kwargs"]["models"] == str(settings.models)
    assert bundle["kwargs"]["folders"] == [str(settings.models)]


def test_a_given_database_is_used(tmp_path: Path) -> None:
    uri = "postgresql+psycopg2://user@host/airflow"
    settings = make_settings(tmp_path, database_uri=SecretStr(uri))
    assert airflow_environment(settings)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == uri


def test_the_password_is_in_no_variable(settings: Settings) -> None:
    assert settings.secret("airflow_password") not in "".join(airflow_environment(settings).values())


@pytest.mark.parametrize("secret", ["airflow_jwt_secret", "airflow_secret_key", "airflow_fernet_key"])
def test_a_missing_secret_is_named(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SettingsError, match=secret.upper()):
        airflow_environment(make_settings(tmp_path, **{secret: None}))


@pytest.mark.parametrize(
    ("secret", "value", "sentence"),
    [
        pytest.param("airflow_jwt_secret", "a-few-bytes", "at least 64 bytes", id="short JWT secret"),
        pytest.param("airflow_fernet_key", "not a key", "is not a Fernet key", id="not base64"),
        pytest.param("airflow_fernet_key", "c2hvcnQ=", "is not a Fernet key", id="short Fernet key"),
    ],
)
def test_a_secret_of_the_wrong_form_is_refused_without_showing_it(
    tmp_path: Path, secret: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        airflow_environment(make_settings(tmp_path, **{secret: SecretStr(value)}))
    assert value not in str(caught.value)


def test_with_fab_the_password_stands_in_no_file_of_ours(tmp_path: Path) -> None:
    environment = airflow_environment(make_settings(tmp_path, auth_manager="fab"))
    assert environment["AIRFLOW__CORE__AUTH_MANAGER"].endswith("FabAuthManager")
    assert not [name for name in environment if "SIMPLE_AUTH" in name]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_a_uri_of_postgresql_gets_the_driver_that_is_installed(tmp_path: Path, scheme: str) -> None:
    settings = make_settings(tmp_path, database_uri=SecretStr(f"{scheme}://airflow@db/airflow?passfile=/run/pgpass"))
    assert settings.airflow_database.get_secret_value() == (
        "postgresql+psycopg2://airflow@db/airflow?passfile=/run/pgpass"
    )
