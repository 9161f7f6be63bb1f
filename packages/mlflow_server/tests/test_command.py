from mlyard_mlflow_server.command import server_command, server_environment
from mlyard_mlflow_server.settings import Settings


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_it_is_mlflows_own_command() -> None:
    command = server_command(Settings())
    assert command[:2] == ["mlflow", "server"]
    assert option(command, "--workers") == "1"
    assert option(command, "--artifacts-destination") == "mlflow-data/artifacts"
    assert "--serve-artifacts" in command


def test_the_database_is_in_the_environment_and_not_on_the_command_line() -> None:
    settings = Settings.model_validate({"backend_store_uri": "postgresql://user:s3cret@host/mlflow"})
    assert "s3cret" not in " ".join(server_command(settings))
    environment = server_environment(settings, {"MLFLOW_BACKEND_STORE_URI": "sqlite:///other.db"})
    assert environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql+psycopg://user:s3cret@host/mlflow"


def test_jobs_and_telemetry_are_off() -> None:
    environment = server_environment(Settings(), {})
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_variable_of_mlflows_own_stays_as_the_user_has_set_it() -> None:
    environment = server_environment(Settings(), {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true", "HOME": "/home/a"})
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "true"
    assert environment["HOME"] == "/home/a"


def test_its_own_page_is_no_foreign_origin_to_it() -> None:
    settings = Settings(allowed_hosts=("mlflow", "*.example.com", "localhost"))
    origins = server_environment(settings, {})["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"]
    assert origins == "http://mlflow:5000,https://mlflow:5000,http://mlflow,https://mlflow"
