"""The compose files against the inventory of the stack: its services, what they keep, and who reads which secrets."""

import tomllib
from typing import Any

import pytest

from .test_files import COMPOSE, configuration

INVENTORY: dict[str, Any] = tomllib.loads((COMPOSE / "inventory.toml").read_text())
SECRETS = "/run/secrets/mlyard"


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = configuration("compose.yaml")["services"]
    return found


def mounts(service: dict[str, Any]) -> list[dict[str, Any]]:
    return [volume for volume in service.get("volumes", []) if volume["type"] == "volume"]


def test_every_service_stands_in_its_file_and_nowhere_else() -> None:
    described = {name: service["file"] for name, service in INVENTORY["services"].items()}
    found: dict[str, str] = {}
    for file in ("compose.yaml", "mlflow_server.yaml", "training_pipeline.yaml", "model_api.yaml", "secrets.yaml"):
        found |= {name: file for name in configuration(file)["services"] if name not in found or file != "compose.yaml"}
    assert set(found) == set(described)
    for name, file in described.items():
        assert f"\n  {name}:" in (COMPOSE / file).read_text()


def test_every_store_is_a_volume_and_every_volume_a_store(services: dict[str, dict[str, Any]]) -> None:
    assert set(configuration("compose.yaml")["volumes"]) == set(INVENTORY["stores"])
    kept = {
        name: [v["source"] for v in mounts(service) if v["target"] != SECRETS] for name, service in services.items()
    }
    assert kept == {name: service["stores"] for name, service in INVENTORY["services"].items()}


def test_each_service_is_shown_its_readers_secrets_only(services: dict[str, dict[str, Any]]) -> None:
    shown = {
        name: volume["volume"]["subpath"]
        for name, service in services.items()
        for volume in mounts(service)
        if volume["target"] == SECRETS
    }
    assert shown == {name: service["reader"] for name, service in INVENTORY["services"].items() if "reader" in service}
    assert set(shown.values()) == set(INVENTORY["readers"])
    assert all(
        volume["read_only"]
        for service in services.values()
        for volume in mounts(service)
        if volume["target"] == SECRETS
    )


def test_the_images_and_ports_are_those_of_the_packages(services: dict[str, dict[str, Any]]) -> None:
    for name, service in INVENTORY["services"].items():
        if package := service.get("package"):
            assert services[name]["image"].startswith(f"mlyard-{package.replace('_', '-')}:")
        ports = [int(port["published"]) for port in services[name].get("ports", [])]
        assert ports == ([service["port"]["default"]] if "port" in service else [])


def test_a_service_that_ends_is_not_restarted_for_ever(services: dict[str, dict[str, Any]]) -> None:
    ending = {name for name, service in services.items() if service["restart"] != "unless-stopped"}
    assert ending == {name for name, service in INVENTORY["services"].items() if service.get("ends")}


def test_every_secret_is_read_and_every_file_holds_one() -> None:
    files = [text for reader in INVENTORY["readers"].values() for text in reader["files"].values()]
    assert {text.strip().rpartition("{")[2].rstrip("}") for text in files} == set(INVENTORY["secrets"])
