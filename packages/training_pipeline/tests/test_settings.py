from pathlib import Path

import pytest
from mlyard_shared.errors import SettingsError
from mlyard_training_pipeline.settings import PREFIX, Settings


def test_a_connection_is_read_from_a_variable_or_from_a_secrets_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "connections__warehouse").write_text("postgresql://me:secret@host/db\n")
    monkeypatch.setenv(f"{PREFIX}SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS__OTHER", "sqlite:///other.db")
    settings = Settings.load()
    assert settings.connections["warehouse"].get_secret_value() == "postgresql://me:secret@host/db"
    assert settings.connections["other"].get_secret_value() == "sqlite:///other.db"
    assert "secret@host" not in repr(settings)


def test_airflow_keeps_its_database_in_the_state_folder_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings(state=tmp_path).airflow_database.get_secret_value() == f"sqlite:///{tmp_path}/airflow/airflow.db"


def test_a_missing_secret_names_its_variable_and_its_file() -> None:
    with pytest.raises(
        SettingsError, match=r"MLYARD_TRAINING_PIPELINE_AIRFLOW_PASSWORD is not set.*file airflow_password"
    ):
        Settings().secret("airflow_password")


def test_a_retention_below_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SNAPSHOT_RETENTION", "0")
    with pytest.raises(SettingsError, match="SNAPSHOT_RETENTION"):
        Settings.load()
