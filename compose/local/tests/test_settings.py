from pathlib import Path

import pytest
from mlyard_local.errors import SettingsError
from mlyard_local.settings import ROOT, Settings, absolute


def test_the_defaults_are_in_the_repository() -> None:
    settings = Settings.load()
    assert absolute(settings.state) == ROOT / ".mlyard"
    assert absolute(settings.models) == ROOT / "examples"
    assert (settings.mlflow_server_port, settings.training_pipeline_port, settings.model_api_port) == (5000, 8080, 8000)


def test_the_ports_are_the_variables_of_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MLFLOW_SERVER_PORT", "5001")
    assert Settings.load().mlflow_server_port == 5001


def test_two_services_on_one_port_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MLFLOW_SERVER_PORT", "8000")
    with pytest.raises(SettingsError, match="must differ"):
        Settings.load()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_STATE", "")
    assert Settings.load().state == Path(".mlyard")
