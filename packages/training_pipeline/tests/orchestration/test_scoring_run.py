"""The scoring DAG of a spec, in a running Airflow."""

import time
from typing import Any

import httpx
from mlyard_training_pipeline.orchestration.client.airflow import Airflow
from pyarrow import parquet

from .conftest import Followed, Stack, write_spec

SCORING = """scoring = { source = "new.csv", sink = "scores.parquet", rejects = "rejects.csv" }"""
NEW = "size,rooms\n3,1\n5,many\n4,2\n"


def call(stack: Stack, method: str, path: str, **request: Any) -> httpx.Response:
    headers = Airflow.from_settings(stack.settings)._bearer()
    url = f"{stack.settings.airflow_url}/api/v2/dags/houses.scoring{path}"
    return httpx.request(method, url, headers=headers, trust_env=False, timeout=20, **request)


def test_a_table_is_scored_by_the_dag_of_its_spec(followed: Followed, stack: Stack) -> None:
    folder = write_spec(stack.models, "houses", extra=SCORING).parent
    (folder / "new.csv").write_text(NEW)
    deadline = time.monotonic() + 120
    answer = call(stack, "POST", "/dagRuns", json={"logical_date": None})
    while answer.status_code == 404:
        assert time.monotonic() < deadline, "the DAG does not appear"
        time.sleep(0.5)
        answer = call(stack, "POST", "/dagRuns", json={"logical_date": None})
    run = answer.raise_for_status().json()
    while run["state"] not in ("success", "failed"):
        assert time.monotonic() < deadline, run
        time.sleep(0.5)
        run = call(stack, "GET", f"/dagRuns/{run['dag_run_id']}").raise_for_status().json()
    assert run["state"] == "success"
    scores = parquet.read_table(folder / "scores.parquet")
    assert scores["size"].to_pylist() == ["3", "4"]
    assert scores.column_names == ["size", "prediction", "model", "version", "scored_at"]
    assert (folder / "rejects.csv").read_text().splitlines()[1] == "2,rooms,'many' is not an integer"
