"""Each image with none of the others, by `docker run`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from ports import free_ports
from waiting import wait_until

from .docker import answers, docker, run
from .stack import Stack

pytestmark = pytest.mark.full

HARDENED = ("--read-only", "--tmpfs=/tmp:size=256m,uid=50000,gid=50000", "--cap-drop=ALL")
KEY = "a-key-of-this-test-only"


@pytest.fixture
def network(engine: None) -> Iterator[str]:
    name = "mlyard-test-alone"
    docker("network", "create", name)
    try:
        yield name
    finally:
        docker("network", "rm", name)


@contextmanager
def container(*arguments: str) -> Iterator[str]:
    """A container in the background, removed at the end with its anonymous volumes."""
    name = docker("run", "--detach", *arguments)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def test_the_images_are_useful_alone(images: dict[str, str], network: str, models: Path) -> None:
    mlflow_port, api_port = free_ports(2)
    registry, api = f"http://127.0.0.1:{mlflow_port}", f"http://127.0.0.1:{api_port}"
    volume = docker("volume", "create", "mlyard-test-alone-cache")
    serve = (
        *("--publish", f"127.0.0.1:{api_port}:8000", "--volume", f"{volume}:/var/lib/mlyard", *HARDENED),
        *("--env", f"MLYARD_MODEL_API_API_KEY={KEY}"),
    )
    bearer = {"Authorization": f"Bearer {KEY}"}

    def names() -> list[str]:
        return [model["name"] for model in httpx.get(f"{api}/models", headers=bearer, timeout=5).json()["models"]]

    try:
        # A tracking server on SQLite in a volume.
        publish = ("--publish", f"127.0.0.1:{mlflow_port}:5000", "--network", network, "--network-alias", "mlflow")
        with container(*publish, *HARDENED, images["mlflow_server"]) as server:
            wait_until(lambda: answers(f"{registry}/health"), seconds=60, what="MLflow answering")
            docker("restart", server)
            wait_until(lambda: answers(f"{registry}/health"), seconds=60, what="MLflow answering again")
            # Training without Airflow.
            trained = run(
                *("docker", "run", "--rm", "--network", network, *HARDENED),
                *("--volume", f"{models}:/models:ro"),
                *("--env", "MLYARD_TRAINING_PIPELINE_REGISTRY_URI=http://mlflow:5000"),
                *(images["training_pipeline"], "run", "penguins/penguins.toml"),
                seconds=180,
            )
            assert "version 1 is the champion" in trained.stdout
            assert "Traceback" not in trained.stdout + trained.stderr
            # The API with a registry.
            uri = ("--env", "MLYARD_MODEL_API_REGISTRY_URI=http://mlflow:5000")
            with container("--network", network, *uri, *serve, images["model_api"]):
                wait_until(lambda: names() == ["penguins"], seconds=60, what="the model served from the registry")
        # The API with the cache alone.
        with container(*serve, images["model_api"]):
            wait_until(lambda: names() == ["penguins"], seconds=30, what="the model served from the cache")
    finally:
        docker("volume", "rm", volume)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return Stack(tmp_path).models


def test_docker_run_keeps_the_api_key_in_the_cache_folder(images: dict[str, str]) -> None:
    with container(images["model_api"]) as name:
        wait_until(lambda: "listening" in run("docker", "logs", name).stderr, seconds=30, what="the API listening")
        mode = docker("exec", name, "stat", "--format=%a", "/var/lib/mlyard/cache/.api_key")
        key = docker("exec", name, "cat", "/var/lib/mlyard/cache/.api_key")
        assert mode == "600"
        assert key not in run("docker", "logs", name).stderr
