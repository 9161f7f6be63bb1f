"""The compose files as compose itself reads them, in every combination in which they are used."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose"
SERVICES = ("mlflow_server.yaml", "training_pipeline.yaml", "model_api.yaml")
COMBINATIONS = [*((file,) for file in SERVICES), ("compose.yaml",), ("compose.yaml", "compose.dev.yaml")]
VARIABLE = re.compile(r"\$\{(MLYARD_\w+):-((?:\$\{|[^}])*)\}")


def configuration(*files: str, **settings: str) -> dict[str, Any]:
    """What compose makes of some files together, without a `compose/.env` of this machine."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("COMPOSE FILES WERE NOT CHECKED: there is no `docker compose` on this machine")
    arguments = [word for file in files for word in ("-f", str(COMPOSE / file))]
    command = ["docker", "compose", "--env-file", os.devnull, *arguments, "config", "--format", "json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLYARD_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**environment, **settings})
    assert done.returncode == 0, done.stderr
    assert "variable is not set" not in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("files", [*COMBINATIONS, ("secrets.yaml",)], ids="+".join)
def test_compose_accepts(files: tuple[str, ...]) -> None:
    config = configuration(*files)
    assert config["name"] == "mlyard"
    assert "secrets" in config["services"]


@pytest.mark.parametrize("file", SERVICES)
def test_no_service_waits_for_one_of_another_file(file: str) -> None:
    services = configuration(file)["services"]
    waited_for = {name for service in services.values() for name in service.get("depends_on", {})}
    assert waited_for <= set(services)


def test_all_services_are_in_the_whole_stack_as_they_are_alone() -> None:
    whole = configuration("compose.yaml")["services"]
    for file in SERVICES:
        for name, service in configuration(file)["services"].items():
            assert whole[name] == service, name


def test_the_example_of_settings_names_each_variable_with_its_default() -> None:
    used = {name: default for file in COMPOSE.glob("*.yaml") for name, default in VARIABLE.findall(file.read_text())}
    example = (COMPOSE / ".env.example").read_text().splitlines()
    named = dict(line.split("=", 1) for line in example if line and not line.startswith("#"))
    # What is made of the stack's name must not stand in a file that another stack's name comes beside.
    assert named == {name: "" if "COMPOSE_PROJECT_NAME" in default else default for name, default in used.items()}
    assert "# COMPOSE_PROJECT_NAME=mlyard" in example


def test_a_variable_has_one_default() -> None:
    defaults: dict[str, set[str]] = {}
    for file in COMPOSE.glob("*.yaml"):
        for name, default in VARIABLE.findall(file.read_text()):
            defaults.setdefault(name, set()).add(default)
    assert not {name: values for name, values in defaults.items() if len(values) > 1}


@pytest.mark.parametrize("package", ["mlflow_server", "training_pipeline", "model_api"])
def test_images_carry_the_version_of_their_package(package: str) -> None:
    project = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]
    dockerfile = (ROOT / "packages" / package / "Dockerfile").read_text()
    assert re.findall(r"^ARG VERSION=(.+)$", dockerfile, re.MULTILINE) == [project["version"]]
    tags = re.findall(rf"\$\{{MLYARD_{package.upper()}_TAG:-([^}}]+)\}}", (COMPOSE / f"{package}.yaml").read_text())
    assert set(tags) == {project["version"]}


def test_two_names_are_two_stacks_that_share_nothing() -> None:
    one, two = (configuration("compose.yaml", COMPOSE_PROJECT_NAME=name) for name in ("one", "two"))
    assert (one["name"], two["name"]) == ("one", "two")
    for kind in ("networks", "volumes"):
        names = [{entry["name"] for entry in stack[kind].values()} for stack in (one, two)]
        assert names[0]
        assert not names[0] & names[1], kind
    assert not [name for name, service in one["services"].items() if "container_name" in service]
    assert configuration("compose.yaml", MLYARD_NETWORK="shop")["networks"]["airflow_network"]["name"] == "shop"


def test_no_service_reaches_another_through_a_proxy() -> None:
    services = configuration("compose.yaml", MLYARD_NO_PROXY="registry.intranet,.example.org")["services"]
    for name, service in services.items():
        if name in ("secrets", "mlflow-db", "airflow-db"):
            continue  # they call nobody
        direct = service["environment"]["NO_PROXY"].split(",")
        assert service["environment"]["no_proxy"].split(",") == direct, name
        assert {"localhost", "127.0.0.1", "mlflow", "airflow", "model-api"} <= set(direct), name
        assert {"registry.intranet", ".example.org"} <= set(direct), name
        assert not {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} & set(service["environment"]), name


def test_a_training_by_hand_may_take_the_memory_of_a_training() -> None:
    services = configuration("compose.yaml", MLYARD_TRAINING_PIPELINE_MEMORY="5g")["services"]
    assert services["ensure"]["mem_limit"] == services["airflow-scheduler"]["mem_limit"] == str(5 * 1024**3)


def test_what_another_folder_of_models_means_is_relative_to_the_compose_files() -> None:
    services = configuration("compose.yaml", MLYARD_MODELS="../models")["services"]
    sources = {
        volume["source"]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume["target"] == "/models"
    }
    assert sources == {str(ROOT / "models")}
