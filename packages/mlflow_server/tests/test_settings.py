from pathlib import Path

import pytest
from mlyard_mlflow_server.settings import Settings
from mlyard_shared.errors import SettingsError

from .servers import sign_in

URI = "MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI"


def test_no_setting_is_needed() -> None:
    settings = Settings.load()
    assert (settings.address.host, settings.address.port, settings.workers) == ("127.0.0.1", 5000, 1)
    assert settings.backend_store_uri.get_secret_value() == "sqlite:///mlflow-data/mlflow.db"
    assert settings.artifact_folder == Path("mlflow-data/artifacts")


def test_an_empty_list_of_names_leaves_those_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MLFLOW_SERVER_ALLOWED_HOSTS", "")
    assert Settings.load().address == Settings().address


def test_the_names_of_tutorials_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_STORE_URI", "sqlite:///bare.db")
    monkeypatch.setenv("ARTIFACT_ROOT", "bare")
    settings = Settings.load()
    assert settings.backend_store_uri.get_secret_value() == "sqlite:///bare.db"
    assert settings.artifact_root == "bare"


def test_the_prefixed_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_STORE_URI", "sqlite:///bare.db")
    monkeypatch.setenv(URI, "sqlite:///prefixed.db")
    assert Settings.load().backend_store_uri.get_secret_value() == "sqlite:///prefixed.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_postgresql_uri_names_the_driver_that_is_installed(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URI, f"{scheme}://user@host/mlflow?passfile=/run/pgpass")
    uri = Settings.load().backend_store_uri.get_secret_value()
    assert uri == "postgresql+psycopg://user@host/mlflow?passfile=/run/pgpass"


def test_the_database_can_come_from_a_file_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "backend_store_uri").write_text("postgresql://user:secret@host/mlflow")
    monkeypatch.setenv("MLYARD_MLFLOW_SERVER_SECRETS_DIR", str(tmp_path))
    assert Settings.load().backend_store_uri.get_secret_value() == "postgresql+psycopg://user:secret@host/mlflow"


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URI, "postgresql://user:s3cret@host/mlflow")
    assert "s3cret" not in repr(Settings.load())


@pytest.mark.parametrize("password", ["s3cret-11ch", "s3cret-with-ümlaut"])
def test_a_password_that_mlflow_would_not_take(password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sign_in(tmp_path, api_password=password).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        Settings.load()
    assert str(raised.value).startswith("MLYARD_MLFLOW_SERVER_API_PASSWORD: ")
    assert "12 ASCII characters or more" in str(raised.value)
    assert "the file api_password" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_without_sign_in_no_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MLFLOW_SERVER_ADMIN_PASSWORD", "short")
    assert Settings.load().auth == "none"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("AUTH", "s3cret", id="unknown-sign-in"),
        pytest.param("PORT", "99999", id="not-a-port"),
        pytest.param("PORT", "five", id="not-a-number"),
        pytest.param("ACCESS_LOG", "sometimes", id="not-yes-or-no"),
        pytest.param("WORKERS", "0", id="no-worker"),
        pytest.param("HOST", "", id="no-host"),
        pytest.param("ARTIFACT_ROOT", "ftp://host/x", id="unknown-store"),
        pytest.param("ARTIFACT_ROOT", "", id="empty-store"),
        pytest.param("BACKEND_STORE_URI", "mysql://user:s3cret@host/x", id="driver-not-included"),
        pytest.param("BACKEND_STORE_URI", "postgresql+psycopg2://u:s3cret@h/x", id="other-driver"),
        pytest.param("BACKEND_STORE_URI", "s3cret-folder", id="file-store"),
        pytest.param("BACKEND_STORE_URI", "sqlite://", id="in-memory"),
        pytest.param("BACKEND_STORE_URI", "sqlite:///:memory:", id="in-memory-by-name"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MLYARD_MLFLOW_SERVER_{name}", value)
    with pytest.raises(SettingsError) as raised:
        Settings.load()
    assert str(raised.value).startswith(f"MLYARD_MLFLOW_SERVER_{name}: ")
    assert "s3cret" not in str(raised.value)
