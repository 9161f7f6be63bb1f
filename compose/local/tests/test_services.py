import os
import subprocess
from pathlib import Path

import pytest
from mlyard_local import processes
from mlyard_local.inventory import Inventory
from mlyard_local.services import Probe, Service, Stack, script
from mlyard_local.settings import Settings
from mlyard_local.state import StateFolder

BINS = {name: Path(f"/envs/{name}/bin") for name in ("mlflow-server", "model-api", "training-pipeline")}


def test_a_script_hands_on_any_value_unchanged(tmp_path: Path) -> None:
    value = 'it\'s 100% "odd" $HOME ; # `x` \\'
    file = tmp_path / "service.sh"
    file.write_text(script(Service("odd", ("printenv", "VALUE"), {"VALUE": value})))
    assert subprocess.run(["sh", file], capture_output=True, text=True, check=True).stdout == f"{value}\n"


def test_no_secret_stands_in_a_script(folder: StateFolder) -> None:
    from mlyard_local import secrets

    secrets.make(folder.secrets)
    values = [path.read_text().strip() for path in folder.secrets.rglob("*") if path.is_file()]
    scripts = "".join(script(service) for service in Stack(Settings.load(), folder, BINS).services())
    assert not [value for value in values if value in scripts]


def test_every_service_listens_on_this_machine_only(folder: StateFolder) -> None:
    services = Stack(Settings.load(), folder, BINS).services()
    hosts = {value for s in services for name, value in s.environment.items() if name.endswith("_HOST")}
    assert hosts == {"127.0.0.1"}
    assert [s.name for s in services if s.port] == ["model-api", "mlflow", "airflow"]


def test_the_services_their_ports_and_what_they_keep_are_those_of_the_inventory(folder: StateFolder) -> None:
    inventory, settings = Inventory.load(), Settings.load()
    services = Stack(settings, folder, BINS).services()
    # Airflow's triggerer is for what a first page shows; the containers do without.
    assert {s.name for s in services} - {"airflow-triggerer"} <= set(inventory.services)
    listening = {s.name: (s.variable, s.port) for s in services if s.port}
    assert listening == {name: (port.variable, port.default) for name, port in inventory.ports().items()}
    assert {name: settings.port(port.variable) for name, port in inventory.ports().items()} == {
        name: port.default for name, port in inventory.ports().items()
    }
    assert {entry.name for entry in folder.path.iterdir()} == {"run", "logs", *inventory.folders()}


def test_mlflow_and_the_api_count_as_ready_when_they_say_so_themselves(folder: StateFolder) -> None:
    services = {service.name: service for service in Stack(Settings.load(), folder, BINS).services()}
    assert services["mlflow"].up == Probe("http://127.0.0.1:5000/health/ready")
    assert services["model-api"].ready == Probe("http://127.0.0.1:8000/health/ready")


def test_the_environment_of_the_caller_does_not_leak_into_a_service(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/venv")
    monkeypatch.setenv("PATH", "/venv/bin:/usr/bin")
    monkeypatch.setenv("BACKEND_STORE_URI", "sqlite:///elsewhere.db")
    monkeypatch.setenv("NO_PROXY", "intranet")
    environment = processes.environment(folder.path)
    assert environment["PATH"] == "/usr/bin"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environment[processes.MARK] == str(folder.path)
    assert {"PYTHONPATH", "VIRTUAL_ENV", "BACKEND_STORE_URI"}.isdisjoint(environment)
    assert os.environ["PYTHONPATH"]
