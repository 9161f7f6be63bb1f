"""What is in each image, and what is not."""

import json

import pytest

from .conftest import Figures
from .docker import docker, inspect
from .stack import PACKAGES, version

BASE = "python:3.13-slim-bookworm"
LARGEST = {"model_api": 450, "mlflow_server": 600, "training_pipeline": 810}
"""MB net of the base image, bytecode compiled."""
PORTS = {"model_api": "8000/tcp", "mlflow_server": "5000/tcp", "training_pipeline": "8080/tcp"}

AS_ROOT = ("--rm", "--network=none", "--user=0:0", "--entrypoint=python")

LOOK = """
import json, pathlib, shutil
installed = pathlib.Path("/opt/venv/lib/python3.13/site-packages")
print(json.dumps({
    "compilers": [name for name in ("cc", "gcc", "g++", "clang", "make", "uv") if shutil.which(name)],
    "caches": [str(path) for path in map(pathlib.Path, ("/root/.cache", "/wheels", "/src", "/pins")) if path.exists()],
    "tests": [str(path) for path in installed.rglob("tests")],
    "uncompiled": [str(path) for path in installed.glob("mlyard_*/**/*.py")
                   if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))],
}))
"""


@pytest.mark.parametrize("package", PACKAGES)
class TestImage:
    def test_its_configuration_is_that_of_a_service(self, images: dict[str, str], package: str) -> None:
        config = inspect(images[package])["Config"]
        assert config["User"] == "50000:50000"
        assert config["Entrypoint"] == [f"mlyard-{package.replace('_', '-')}"]
        assert config["WorkingDir"].startswith("/")
        assert list(config["ExposedPorts"]) == [PORTS[package]]
        assert config["Healthcheck"]["Test"] == ["CMD", *config["Entrypoint"], "check"]
        labels = config["Labels"]
        assert labels["org.opencontainers.image.version"] == version(package)
        assert labels["org.opencontainers.image.title"] == f"mlyard-{package.replace('_', '-')}"

    def test_it_is_small(self, images: dict[str, str], package: str, figures: Figures) -> None:
        net = (inspect(images[package])["Size"] - inspect(BASE)["Size"]) / 1e6
        figures.note(f"image {package}: {net:.0f} MB net of its base (limit {LARGEST[package]})")
        assert net < LARGEST[package]

    def test_it_holds_what_runs_and_nothing_of_the_build(self, images: dict[str, str], package: str) -> None:
        found = json.loads(docker("run", *AS_ROOT, images[package], "-c", LOOK))
        assert found == {"compilers": [], "caches": [], "tests": [], "uncompiled": []}
