from pathlib import Path

import pytest
from mlyard_shared.errors import SettingsError
from mlyard_shared.manifest import CONTRACT_VERSION
from mlyard_training_pipeline.connections import connection_key
from mlyard_training_pipeline.settings import PREFIX, Settings

URL = "postgresql://me:secret@host/db"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(f"{PREFIX}SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_connection_is_read_from_a_variable_or_from_a_secrets_file(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "connections__warehouse").write_text(f"{URL}\n")
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS__OTHER", "sqlite:///other.db")
    settings = Settings.load()
    assert {name: url.get_secret_value() for name, url in settings.connections.items()} == {
        "warehouse": URL,
        "other": "sqlite:///other.db",
    }
    assert "secret@host" not in repr(settings)


NAMES = ["my-db", "my_db", "a--b", "a__b", "a___b", "db-", "db__", "x", "a-_-b", "my-db2"]
"""Names that a spec may have."""


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_spec_works_as_a_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS__{name.upper().replace('-', '_')}", URL)
    assert Settings.load().connections[connection_key(name)].get_secret_value() == URL


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_spec_works_as_a_secrets_file(name: str, secrets: Path) -> None:
    (secrets / f"connections__{name}").write_text(f"{URL}\n")
    assert Settings.load().connections[connection_key(name)].get_secret_value() == URL


def test_any_name_of_a_spec_works_in_the_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS", f'{{"my-db": "{URL}"}}')
    assert Settings.load().connections[connection_key("my-db")].get_secret_value() == URL


def test_names_of_which_one_begins_with_the_other_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "A__B", "A__B__C"):
        monkeypatch.setenv(f"{PREFIX}CONNECTIONS__{name}", f"sqlite:///{name}")
    assert set(Settings.load().connections) == {"a", "a_b", "a_b_c"}


def test_a_variable_wins_over_a_file_that_spells_the_connection_another_way(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "connections__my-db").write_text("sqlite:///file.db")
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS__MY_DB", "sqlite:///variable.db")
    assert Settings.load().connections[connection_key("my-db")].get_secret_value() == "sqlite:///variable.db"


def test_two_files_for_one_connection_are_refused_without_their_content(secrets: Path) -> None:
    (secrets / "connections__my-db").write_text(URL)
    (secrets / "connections__my_db").write_text("postgresql://me:secret@other/db")
    with pytest.raises(SettingsError, match="connections__my-db and connections__my_db are the same") as caught:
        Settings.load()
    assert "secret" not in str(caught.value)


def test_a_connection_that_is_not_text_is_one_sentence(secrets: Path) -> None:
    (secrets / "connections__warehouse").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=f"a secret in {PREFIX}SECRETS_DIR cannot be read"):
        Settings.load()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_airflows_database_gets_the_driver_that_is_installed(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URI", f"{scheme}://airflow@db/airflow")
    assert Settings.load().airflow_database.get_secret_value() == "postgresql+psycopg2://airflow@db/airflow"


@pytest.mark.parametrize("uri", ["postgresql+asyncpg://me:secret@db/airflow", "me:secret@db", "oracle7://me:secret@db"])
def test_a_database_that_cannot_be_reached_from_here_names_the_setting_and_no_password(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URI", uri)
    with pytest.raises(SettingsError, match=f"^{PREFIX}DATABASE_URI: ") as caught:
        _ = Settings.load().airflow_database
    assert "secret" not in str(caught.value)


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


def test_the_folders_of_tables_are_those_of_the_setting_beside_the_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{PREFIX}MODELS", "models")
    monkeypatch.setenv(f"{PREFIX}SOURCE_FOLDERS", " /data/tables, /mnt/exports,")
    folders = Settings.load().table_folders
    assert folders == (tmp_path / "models", Path("/data/tables"), Path("/mnt/exports"))


def test_a_folder_of_tables_that_depends_on_where_one_stands_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SOURCE_FOLDERS", "/data,tables")
    with pytest.raises(SettingsError, match=r"SOURCE_FOLDERS: .*must be absolute paths with commas between them"):
        Settings.load()


def test_versions_are_written_by_todays_contract_or_by_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().model_version_contract == CONTRACT_VERSION
    monkeypatch.setenv(f"{PREFIX}MODEL_VERSION_CONTRACT", str(CONTRACT_VERSION - 1))
    assert Settings.load().model_version_contract == CONTRACT_VERSION - 1
    monkeypatch.setenv(f"{PREFIX}MODEL_VERSION_CONTRACT", "3")
    with pytest.raises(SettingsError, match="MODEL_VERSION_CONTRACT: Input should be 1 or 2"):
        Settings.load()
