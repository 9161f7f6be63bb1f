"""An approval by a person, in a real Airflow with a real and small training."""

import contextlib
import time
import warnings

from mlyard_training_pipeline.orchestration.client.airflow import Airflow

from .conftest import Stack, write_spec


def test_a_version_serves_when_a_person_has_approved_it(stack: Stack) -> None:
    stack.empty()
    spec = write_spec(stack.models, "guarded", extra="gate = { approval = true }")
    try:
        done = stack.run("ensure")
        assert done.returncode == 1
        assert (
            "guarded: its version waits for a person's approval, on Airflow's page of required actions" in done.stderr
        )
        airflow = Airflow.from_settings(stack.settings)
        (run,) = airflow.unfinished_runs("guarded")
        path = f"/api/v2/dags/guarded/dagRuns/{run}/taskInstances/approve/-1/hitlDetails"
        asked = airflow.http("GET", path, headers=airflow._bearer()).json()
        assert asked["subject"] == "May version 1 of guarded serve?"
        assert asked["body"].startswith("The gate: passed: there is no champion yet, and ")
        answer = {"chosen_options": ["Promote"], "params_input": {}}
        assert airflow.http("PATCH", path, json=answer, headers=airflow._bearer()).is_success
        deadline = time.monotonic() + 120
        while airflow.run_state("guarded", run) not in ("success", "failed"):
            assert time.monotonic() < deadline, airflow.tasks("guarded", run)
            time.sleep(0.5)
        report = airflow.gate_report("guarded", run)
    finally:
        spec.unlink()
    assert report is not None
    assert report.verdict.endswith("; approved by admin")
    # MLflow declares its tables in a way that this SQLAlchemy calls deprecated, once and for all.
    with contextlib.chdir(stack.folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlyard_shared.registry import Registry, history

        (move,) = history(Registry(stack.settings.registry_uri), "guarded")
    assert (move.to_version, move.state) == (1, "finished")
    assert move.reason.endswith("; approved by admin")
