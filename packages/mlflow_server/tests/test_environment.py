import warnings

import pytest
from mlyard_mlflow_server import environment
from mlyard_mlflow_server.environment import server_environment
from mlyard_mlflow_server.settings import Settings
from mlyard_mlflow_server.storage import UPLOADING


def test_the_private_names_are_those_of_the_installed_mlflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries tell MLflow's authors while they are imported
        from mlflow import environment_variables
        from mlflow.server import constants, handlers
        from mlflow.store.artifact import local_artifact_repo
    assert local_artifact_repo._TEMP_ARTIFACT_PREFIX == UPLOADING
    assert environment.BACKEND_STORE == constants.BACKEND_STORE_URI_ENV_VAR
    assert environment.REGISTRY_STORE == constants.REGISTRY_STORE_URI_ENV_VAR
    assert environment.ARTIFACT_ROOT == constants.ARTIFACT_ROOT_ENV_VAR
    assert environment.ARTIFACTS_DESTINATION == constants.ARTIFACTS_DESTINATION_ENV_VAR
    assert environment.SERVE_ARTIFACTS == constants.SERVE_ARTIFACTS_ENV_VAR
    assert environment.FLASK_KEY == constants.FLASK_SERVER_SECRET_KEY_ENV_VAR
    assert environment_variables._MLFLOW_SGI_NAME.name == environment.GATEWAY
    assert environment_variables._MLFLOW_SERVER_BOOT_ID.name == environment.BOOT_ID
    assert environment_variables._MLFLOW_IN_JOB_EXECUTOR.name == environment.IN_JOB
    assert environment_variables._MLFLOW_AUTH_ADMIN_BOOTSTRAPPED.name == environment.ADMIN_EXISTS
    assert list(environment.OPTIONS.values()) == [
        constants.READ_REPLICA_BACKEND_STORE_URI_ENV_VAR,
        handlers.STATIC_PREFIX_ENV_VAR,
        constants.PROMETHEUS_EXPORTER_ENV_VAR,
    ]


def test_both_stores_are_the_one_database() -> None:
    settings = Settings.model_validate({"backend_store_uri": "postgresql://user:s3cret@host/mlflow"})
    found = server_environment(settings, {environment.BACKEND_STORE: "sqlite:///other.db"})
    assert found[environment.BACKEND_STORE] == "postgresql+psycopg://user:s3cret@host/mlflow"
    assert found[environment.REGISTRY_STORE] == found[environment.BACKEND_STORE]


def test_every_value_with_a_secret_is_kept_from_new_processes() -> None:
    secret = {"flask_secret_key": "s3cret-of-the-signatures", "admin_password": "s3cret-of-the-admin"}
    more = {"pipeline_password": "s3cret-of-the-pipeline", "api_password": "s3cret-of-the-api"}
    uri = {"backend_store_uri": "postgresql://user:s3cret@host/mlflow"}
    found = server_environment(Settings.model_validate({"auth": "basic", **secret, **more, **uri}), {})
    assert {name for name, value in found.items() if "s3cret" in value} <= set(environment.SECRET)


def test_jobs_and_telemetry_are_off() -> None:
    found = server_environment(Settings(), {})
    assert found["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert found["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(
    ("name", "read_as"),
    [("MLFLOW_UVICORN_OPTS", "MLFLOW_UVICORN_OPTS"), ("MLFLOW_STATIC_PREFIX", "_MLFLOW_STATIC_PREFIX")],
)
def test_a_variable_of_mlflows_own_stays_as_the_user_has_set_it(name: str, read_as: str) -> None:
    found = server_environment(Settings(), {name: "--a-choice", "HOME": "/home/a"})
    assert found[read_as] == "--a-choice"
    assert found["HOME"] == "/home/a"


def test_all_workers_are_of_one_boot() -> None:
    first = server_environment(Settings(), {})
    assert server_environment(Settings(), first)[environment.BOOT_ID] == first[environment.BOOT_ID]


def test_its_own_page_is_no_foreign_origin_to_it() -> None:
    settings = Settings(allowed_hosts=("mlflow", "*.example.com", "localhost"))
    origins = server_environment(settings, {})["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"]
    assert origins == "http://mlflow:5000,https://mlflow:5000,http://mlflow,https://mlflow"


@pytest.mark.parametrize(("access_log", "option"), [(False, "--no-access-log"), (True, "--access-log")])
def test_the_log_of_accesses_is_a_setting(access_log: bool, option: str) -> None:
    options = server_environment(Settings(access_log=access_log), {})["MLFLOW_UVICORN_OPTS"]
    assert options.split() == ["--timeout-graceful-shutdown", "3", "--timeout-keep-alive", "75", option]
