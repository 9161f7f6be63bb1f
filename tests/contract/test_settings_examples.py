"""Today's services read the settings of every release whose settings are of the same contract."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

PACKAGES = Path(__file__).parents[2] / "packages"
FILES = sorted(PACKAGES.glob("*/tests/golden/settings/*/*.env"))


def package_of(file: Path) -> str:
    return file.relative_to(PACKAGES).parts[0]


def given(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def text(value: Any) -> str:
    """A setting as its variable spells it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{package_of(file)} {file.stem}")
def test_each_setting_is_read_as_it_was_given(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = importlib.import_module(f"mlyard_{package_of(file)}.settings").Settings
    prefix = settings.model_config["env_prefix"]
    defaults = {name: field.default for name, field in settings.model_fields.items()}
    variables = given(file)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    read = settings.load()
    for variable, value in variables.items():
        name, _, key = variable.removeprefix(prefix).lower().partition("__")
        found = getattr(read, name)
        assert text(found[key] if key else found) == value, variable
        assert key or text(defaults[name]) != value, f"{variable} has its default, which shows nothing"


def test_every_service_has_an_example_of_its_settings() -> None:
    for package in ("mlflow_server", "model_api", "training_pipeline"):
        version = importlib.import_module(f"mlyard_{package}.settings").CONTRACT_VERSION
        found = {file.parent.name: file.stem for file in FILES if package_of(file) == package}
        assert found[version] == "0.2.0"
