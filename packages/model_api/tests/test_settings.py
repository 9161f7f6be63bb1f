import re
from pathlib import Path

import pytest
from mlyard_model_api.settings import PREFIX, Settings
from mlyard_shared.errors import SettingsError

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("REGISTRY_URI", "sqlite:///mlflow.db"),
        ("REGISTRY_URI", "http://user:word@registry"),
        ("MODELS", "Penguins"),
        ("MODELS", "../x"),
        ("POLL_SECONDS", "0"),
        ("MAX_ROWS", "0"),
        ("QUEUE_ROWS", "0"),
        ("BODIES_BYTES", "0"),
        ("DEADLINE_SECONDS", "0"),
        ("HEADER_SECONDS", "-1"),
        ("BODY_SECONDS", "soon"),
        ("KEEP_ALIVE_SECONDS", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("LOG_REQUESTS", "perhaps"),
        ("CORS_ORIGINS", "app.test"),
        ("CORS_ORIGINS", "https://app.example.com/page"),
        ("PATH_PREFIX", "relative"),
        ("PATH_PREFIX", "/a//b"),
        ("API_KEY", "short"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=PREFIX + name) as raised:
        Settings.load()
    assert value in ("0", "http") or value not in str(raised.value)


def test_models_are_names_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MODEL_API_MODELS", "penguins, diabetes,,penguins")
    assert Settings.load().models == ("penguins", "diabetes")


def test_the_key_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "api_key").write_text("0123456789abcdef\n")
    monkeypatch.setenv("MLYARD_MODEL_API_SECRETS_DIR", str(tmp_path))
    settings = Settings.load()
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "0123456789abcdef"
    assert "0123456789abcdef" not in repr(settings)


def test_the_readme_has_every_setting_and_its_default() -> None:
    rows = dict(re.findall(rf"^\| `{PREFIX}(\w+)` \| ([^|]*) \|", README.read_text(), re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields} | {"SECRETS_DIR"}
    for name, field in Settings.model_fields.items():
        if field.default not in (None, (), ""):
            assert rows[name.upper()].strip() == f"`{field.default}`"
