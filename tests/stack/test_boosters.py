"""The pipeline's image with its extras: what it trains, the API serves without them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from ports import free_ports
from waiting import wait_until

from .docker import answers, docker, run
from .stack import ROOT, Stack
from .test_alone import HARDENED, KEY, container

pytestmark = pytest.mark.full

TAG = "mlyard-test-boosters"
SPEC = """
version = 1
name = "boosted"
task = "classification"
target = "species"
metric = "balanced_accuracy"
key = ["id"]
folds = 2
source.path = "penguins.csv"
features.leave_out = ["year"]

[[candidates]]
name = "lightgbm"
estimator = "lightgbm.LGBMClassifier"
search = "optuna"
trials = 3
parameters.n_estimators = 10
ranges.num_leaves = { low = 4, high = 16 }

[[candidates]]
name = "xgboost"
estimator = "xgboost.XGBClassifier"
parameters.n_estimators = 10
"""
PENGUIN = {
    "island": "Biscoe",
    "bill_length_mm": 46.1,
    "bill_depth_mm": 13.2,
    "flipper_length_mm": 211,
    "body_mass_g": 4500,
    "sex": "female",
}


@pytest.fixture
def image(images: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The pipeline's image with every extra, built as compose builds it."""
    stack = Stack(tmp_path / "build", project="mlyard-test-boosters")
    stack.settings |= {
        "MLYARD_TRAINING_PIPELINE_EXTRAS": "boosters optuna",
        "MLYARD_TRAINING_PIPELINE_IMAGE": TAG,
    }
    stack.compose("build", "airflow-init", seconds=1200)
    services = stack.configuration()["services"]
    tag = str(services["airflow-init"]["image"])
    try:
        yield tag
    finally:
        docker("rmi", "--force", tag)


@pytest.fixture
def network(engine: None) -> Iterator[str]:
    docker("network", "create", TAG)
    try:
        yield TAG
    finally:
        docker("network", "rm", TAG)


def test_boosters_are_trained_in_it_and_served_without_them(
    images: dict[str, str], image: str, network: str, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    models.mkdir(mode=0o755)
    (models / "penguins.csv").write_bytes((ROOT / "examples" / "penguins" / "penguins.csv").read_bytes())
    (models / "boosted.toml").write_text(SPEC)
    mlflow_port, api_port = free_ports(2)
    registry, api = f"http://127.0.0.1:{mlflow_port}", f"http://127.0.0.1:{api_port}"
    uri = "http://mlflow:5000"
    publish = ("--publish", f"127.0.0.1:{mlflow_port}:5000", "--network-alias", "mlflow")
    with container("--network", network, *publish, *HARDENED, images["mlflow_server"]):
        wait_until(lambda: answers(f"{registry}/health"), seconds=60, what="MLflow answering")
        trained = run(
            *("docker", "run", "--rm", "--network", network, *HARDENED, "--volume", f"{models}:/models:ro"),
            *("--env", f"MLYARD_TRAINING_PIPELINE_REGISTRY_URI={uri}", image, "run", "boosted.toml"),
            seconds=300,
        )
        assert "version 1 is the champion" in trained.stdout
        assert "Traceback" not in trained.stdout + trained.stderr
        serving = ("--publish", f"127.0.0.1:{api_port}:8000", *HARDENED, "--env", f"MLYARD_MODEL_API_API_KEY={KEY}")
        where = ("--env", f"MLYARD_MODEL_API_REGISTRY_URI={uri}")
        with container("--network", network, *serving, *where, images["model_api"]) as served:
            looked = docker(
                "exec", served, "python", "-c", "import importlib.util as u; print(u.find_spec('lightgbm'))"
            )
            assert looked == "None"

            def answer() -> httpx.Response:
                return httpx.post(
                    f"{api}/models/boosted/predict",
                    headers={"Authorization": f"Bearer {KEY}"},
                    json={"rows": [PENGUIN]},
                    timeout=10,
                )

            wait_until(lambda: answer().is_success, seconds=60, what="the booster served")
            assert answer().json()["predictions"][0]["prediction"] == "Gentoo"
