"""A training in a real Airflow that searches rung after rung, on its LocalExecutor, and waits for an approval."""

import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import Any, NamedTuple

import pytest
from mlyard_shared.gate import GateReport
from mlyard_training_pipeline.orchestration.client.airflow import Airflow

from .conftest import Stack, write_spec

pytestmark = pytest.mark.long  # `steps` and `dags` show searches and approvals without a running Airflow

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


class Approved(NamedTuple):
    """What `ensure` said, what Airflow asked, and what became of the training when a person had answered."""

    code: int
    said: str
    asked: dict[str, Any]
    tasks: list[dict[str, Any]]
    report: GateReport | None


@pytest.fixture(scope="module")
def approved(stack: Stack) -> Approved:
    stack.empty()
    spec = write_spec(stack.models, "guarded", extra="gate = { approval = true }\nsearch = { seconds = 300 }")
    text = spec.read_text()
    spec.write_text(text[: text.index("[[candidates]]")] + CANDIDATES)
    try:
        done = stack.ensure()
        airflow = Airflow.from_settings(stack.settings)
        (run,) = airflow.unfinished_runs("guarded")
        tasks = f"/api/v2/dags/guarded/dagRuns/{run}/taskInstances"
        path = f"{tasks}/approve/-1/hitlDetails"
        asked = airflow.http("GET", path, headers=airflow._bearer()).json()
        answer = {"chosen_options": ["Promote"], "params_input": {}}
        assert airflow.http("PATCH", path, json=answer, headers=airflow._bearer()).is_success
        deadline = time.monotonic() + 240
        while airflow.run_state("guarded", run) not in ("success", "failed"):
            assert time.monotonic() < deadline, airflow.tasks("guarded", run)
            time.sleep(0.5)
        found = airflow.http("GET", tasks, params={"limit": 100}, headers=airflow._bearer()).json()
        report = airflow.gate_report("guarded", run)
    finally:
        spec.unlink()
    return Approved(done.returncode, done.stderr, asked, found["task_instances"], report)


@contextmanager
def without_warnings(stack: Stack) -> Iterator[None]:
    """MLflow declares its tables in a way that this SQLAlchemy calls deprecated, once and for all."""
    with chdir(stack.folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_a_version_serves_when_a_person_has_approved_it(approved: Approved, stack: Stack) -> None:
    assert approved.code == 1
    assert "guarded: its version waits for a person's approval, on Airflow's page of required actions" in approved.said
    assert approved.asked["subject"] == "May version 1 of guarded serve?"
    assert approved.asked["body"].startswith("The gate: passed: there is no champion yet, and ")
    assert approved.report is not None
    assert approved.report.verdict.endswith("; approved by admin")
    with without_warnings(stack):
        from mlyard_shared.registry import Registry, history

        (move,) = history(Registry(stack.settings.registry_uri), "guarded")
    assert (move.to_version, move.state) == (1, "finished")
    assert move.reason.endswith("; approved by admin")


def test_every_kind_of_search_runs_as_tasks(approved: Approved, stack: Stack) -> None:
    states = Counter((task["task_id"], task["state"]) for task in approved.tasks)
    assert states["search", "success"] == 2
    assert states["rung_1", "success"] == 1
    assert states["settings", "skipped"] == 1  # each took less than a task of its own is worth
    assert states["train", "success"] == 2
    assert states["evidence", "success"] == 1
    with without_warnings(stack):
        from mlyard_shared.registry import Registry
        from mlyard_training_pipeline.tracking.runs import Tracking

        tracking = Tracking(Registry(stack.settings.registry_uri))
        counts = {
            made.data.tags["mlyard.candidate"]: len(
                json.loads(tracking.fetch(made.info.run_id, "search.json", stack.folder).read_text())["results"]
            )
            for made in tracking.search(tracking.experiment("guarded"), mlyard__kind="candidate")
            if tracking.has_artifact(made.info.run_id, "search.json")
        }
    assert counts == {"halved": 4, "studied": 3}
