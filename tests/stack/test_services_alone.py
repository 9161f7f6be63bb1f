"""Each compose file with none of the others."""

import time
from pathlib import Path

import pytest

from .registry import Mlflow
from .stack import Stack

pytestmark = [pytest.mark.full, pytest.mark.last]


@pytest.mark.parametrize(
    ("file", "services"),
    [
        pytest.param("mlflow_server.yaml", ("mlflow-db", "mlflow"), id="mlflow_server"),
        pytest.param("model_api.yaml", ("model-api",), id="model_api"),
        pytest.param(
            "training_pipeline.yaml",
            ("airflow-db", "airflow", "airflow-scheduler", "airflow-dag-processor"),
            id="training_pipeline",
        ),
    ],
)
def test_each_compose_file_runs_alone(
    images: dict[str, str], tmp_path: Path, file: str, services: tuple[str, ...]
) -> None:
    alone = Stack(tmp_path, project="mlyard-test-alone", files=(file,))
    try:
        alone.up()
        alone.wait_until_healthy(*services)
        time.sleep(5)
        assert alone.is_healthy(*services)
        assert set(alone.containers()) - {"secrets", "airflow-init"} == set(services)
        if file == "mlflow_server.yaml":
            registry = Mlflow(alone.mlflow, user="admin", password=alone.login.mlflow)
            assert registry.get("mlflow/experiments/search", max_results=1)
    finally:
        alone.remove()
