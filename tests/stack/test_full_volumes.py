"""Volumes that are full, one after another: who meets it says so, nothing is half there, and with space it goes on."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from waiting import wait_until

from .airflow import Airflow
from .conftest import Figures
from .registry import Mlflow
from .stack import Stack

pytestmark = [pytest.mark.full, pytest.mark.last]

OPTIONS = '{{driver_opts: {{type: tmpfs, device: tmpfs, o: "size={},uid=50000,gid=50000,mode=750"}}}}'
SMALL = {"mlflow_data": "24m", "airflow_state": "48m", "model_api_cache": "24m"}
FILLER = "/var/lib/mlyard/filler"


@pytest.fixture(scope="module")
def small(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose volumes have an end."""
    folder = tmp_path_factory.mktemp("small")
    overlay = folder / "small.yaml"
    overlay.write_text("volumes:\n" + "".join(f"  {name}: {OPTIONS.format(size)}\n" for name, size in SMALL.items()))
    stack = Stack(folder, project="mlyard-test-full", files=("compose.yaml", str(overlay)))
    shutil.rmtree(stack.models / "diabetes")
    stack.remove()
    try:
        stack.up()
        stack.wait_for_ensure()
        yield stack
    finally:
        stack.remove()


@contextmanager
def full(stack: Stack, service: str) -> Iterator[None]:
    """No byte is left in the volume of a service."""
    stack.compose("exec", "-T", service, "sh", "-c", f"cat /dev/zero > {FILLER}", check=False)
    try:
        yield
    finally:
        stack.compose("exec", "-T", service, "rm", FILLER)


def train(stack: Stack, *, check: bool = True) -> str:
    return stack.compose("run", "--rm", "ensure", "run", "penguins/penguins.toml", check=check)


@pytest.fixture
def mlflow(small: Stack) -> Mlflow:
    return Mlflow(small.mlflow, user="admin", password=small.login.mlflow)


def test_the_artifacts_volume(small: Stack, mlflow: Mlflow, figures: Figures) -> None:
    versions = mlflow.versions("penguins")
    with full(small, "mlflow"):
        said = train(small, check=False)
        figures.note(f"with a full volume of artifacts a training says: {said.strip().splitlines()[-1]}")
        assert "full" in said.strip().splitlines()[-1]
        assert "Traceback" not in said
        assert small.is_healthy("mlflow", "model-api")
        assert small.is_serving()
    assert mlflow.versions("penguins") == versions
    assert "gate" in train(small)


def test_airflows_volume(small: Stack, figures: Figures) -> None:
    airflow = Airflow(small.airflow, password=small.login.airflow)
    with full(small, "airflow-scheduler"):
        said = train(small, check=False)
        figures.note(f"with a full volume of Airflow's state a training says: {said.strip().splitlines()[-1]}")
        assert "full" in said
        assert "Traceback" not in said
        assert small.is_serving()
    run = airflow.start("penguins")
    wait_until(lambda: airflow.runs("penguins")[run] == "success", seconds=180, what="a run, once there is space")


def test_the_apis_cache(small: Stack, mlflow: Mlflow) -> None:
    train(small)
    newest = max(int(version["version"]) for version in mlflow.versions("penguins"))
    before = small.predict().json()["version"]
    assert newest != before
    with full(small, "model-api"):
        small.compose("run", "--rm", "ensure", "promote", "penguins", str(newest), "--reason", "no room for it")
        wait_until(lambda: "full" in small.logs("model-api"), seconds=60, what="the full disk told")
        assert small.predict().json()["version"] == before
    wait_until(
        lambda: small.predict().json()["version"] == newest, seconds=150, what="the version, once there is space"
    )
