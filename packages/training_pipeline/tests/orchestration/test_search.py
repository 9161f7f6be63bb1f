"""Searches in a real Airflow: candidates side by side, rung after rung, on its LocalExecutor."""

import json
import warnings
from collections import Counter
from contextlib import chdir

from mlyard_training_pipeline.orchestration.client.airflow import Airflow

from .conftest import Stack, write_spec

CANDIDATES = """
[[candidates]]
name = "halved"
estimator = "sklearn.tree.DecisionTreeRegressor"
search = "halving"
grid.max_depth = [1, 3, 9]

[[candidates]]
name = "studied"
estimator = "lightgbm.LGBMRegressor"
parameters.n_estimators = 5
search = "optuna"
trials = 3
ranges.num_leaves = { low = 2, high = 8 }
"""


def test_every_kind_of_search_runs_as_tasks(stack: Stack) -> None:
    stack.empty()
    spec = write_spec(stack.models, "searched", extra="search = { seconds = 300 }")
    text = spec.read_text()
    spec.write_text(text[: text.index("[[candidates]]")] + CANDIDATES)
    try:
        done = stack.run("ensure")
        assert done.returncode == 0, done.stdout + done.stderr
        airflow = Airflow.from_settings(stack.settings)
        (run,) = [
            one["dag_run_id"]
            for one in airflow.http("GET", "/api/v2/dags/searched/dagRuns", headers=airflow._bearer()).json()[
                "dag_runs"
            ]
        ]
        path = f"/api/v2/dags/searched/dagRuns/{run}/taskInstances"
        found = airflow.http("GET", path, params={"limit": 100}, headers=airflow._bearer()).json()["task_instances"]
    finally:
        spec.unlink()
    states = Counter((task["task_id"], task["state"]) for task in found)
    assert states["search", "success"] == 2
    assert states["rung_1", "success"] == 1
    assert states["settings", "skipped"] == 1  # each took less than a task of its own is worth
    assert states["train", "success"] == 2
    assert states["evidence", "success"] == 1
    with chdir(stack.folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlyard_shared.registry import Registry
        from mlyard_training_pipeline.tracking.runs import Tracking

        tracking = Tracking(Registry(stack.settings.registry_uri))
        experiment = tracking.experiment("searched")
        counts = {
            made.data.tags["mlyard.candidate"]: len(
                json.loads(tracking.fetch(made.info.run_id, "search.json", stack.folder).read_text())["results"]
            )
            for made in tracking.search(experiment, mlyard__kind="candidate")
            if tracking.has_artifact(made.info.run_id, "search.json")
        }
    assert counts == {"halved": 4, "studied": 3}
