from pathlib import Path
from typing import Annotated

import pytest
from mlyard_shared.errors import SettingsError
from mlyard_shared.settings import ServiceSettings
from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict


def _red_or_green(value: str) -> str:
    if value not in {"red", "green"}:
        raise ValueError("give red or green")
    return value


class Example(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    port: int = 8000
    names: tuple[str, ...] = ()
    api_key: SecretStr = SecretStr("none")
    colour: Annotated[str, AfterValidator(_red_or_green)] = "red"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("EXAMPLE_SECRETS_DIR", str(folder))
    return folder


def test_settings_come_from_variables_with_the_services_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "9000")
    monkeypatch.setenv("EXAMPLE_NAMES", '["a", "b"]')
    monkeypatch.setenv("PORT", "1")
    assert (Example.load().port, Example.load().names) == (9000, ("a", "b"))


def test_a_secret_comes_from_the_file_named_as_its_field(secrets: Path) -> None:
    (secrets / "api_key").write_text("s3cret\n")
    assert Example.load().api_key.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(Example.load())


def test_a_variable_wins_over_the_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "api_key").write_text("file")
    monkeypatch.setenv("EXAMPLE_API_KEY", "variable")
    assert Example.load().api_key.get_secret_value() == "variable"


@pytest.mark.parametrize("folder", ["", "/nowhere/secrets"], ids=["empty", "missing"])
def test_a_folder_of_secrets_that_is_not_there_is_an_error(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_SECRETS_DIR", folder)
    with pytest.raises(SettingsError, match=f"EXAMPLE_SECRETS_DIR has to name a folder, and '{folder}' is not one"):
        Example.load()


def test_a_secret_that_is_not_text_is_an_error_without_its_content(secrets: Path) -> None:
    (secrets / "api_key").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(SettingsError, match="a secret in EXAMPLE_SECRETS_DIR cannot be read"):
        Example.load()


def test_an_error_names_the_variable_and_not_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "hunter2")
    with pytest.raises(SettingsError, match="EXAMPLE_PORT: Input should be a valid integer") as caught:
        Example.load()
    assert "hunter2" not in str(caught.value)


def test_a_list_that_is_not_json_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_NAMES", "[a")
    with pytest.raises(SettingsError, match=r'^EXAMPLE_NAMES has to be JSON, such as \["a", "b"\] for a list'):
        Example.load()


def test_a_value_that_a_service_refuses_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_COLOUR", "blue")
    with pytest.raises(SettingsError, match=r"^EXAMPLE_COLOUR: give red or green$"):
        Example.load()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example.load().port = 1  # type: ignore[misc] # the very thing that must fail
