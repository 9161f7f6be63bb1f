import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import RegistryUnavailable, SpecError, TableError
from mlyard_training_pipeline.orchestration.dags import tasks
from mlyard_training_pipeline.orchestration.processes.environment import PROMOTION_POOL
from mlyard_training_pipeline.settings import Settings

from ..conftest import write_spec


@pytest.fixture
def dag(airflow_here: Settings, tmp_path: Path) -> Any:
    from mlyard_training_pipeline.orchestration.dags.training import training_dag

    return training_dag(write_spec(tmp_path, "houses", extra='schedule = "@weekly"'))


def test_the_steps_follow_one_another(dag: Any) -> None:
    assert dag.dag_id == "houses"
    followers = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert followers["extract"] == ["evaluate", "gate", "promote", "register", "train", "validate"]
    assert followers["validate"] == ["train"]
    assert followers["train"] == ["evaluate"]
    assert followers["evaluate"] == ["gate", "register"]
    assert followers["register"] == ["promote"]
    assert followers["promote"] == []


def test_candidates_are_trained_side_by_side(dag: Any) -> None:
    assert dag.get_task("train").is_mapped


def test_promotions_wait_in_the_pool_of_one_slot(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks if task.pool == PROMOTION_POOL} == {"promote"}


def test_one_run_at_a_time_on_the_schedule_of_the_spec(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert not dag.catchup
    assert dag.schedule == "@weekly"


def test_a_schedule_that_is_none_is_named(airflow_here: Settings, tmp_path: Path) -> None:
    from mlyard_training_pipeline.orchestration.dags.training import training_dag

    with pytest.raises(SpecError, match="schedule: 'now and then' is none; give a cron expression"):
        training_dag(write_spec(tmp_path, "yurts", extra='schedule = "now and then"'))


@pytest.mark.parametrize("schedule", ["@daily", "0 3 * * 1"])
def test_a_schedule_is_taken_as_it_is_given(airflow_here: Settings, tmp_path: Path, schedule: str) -> None:
    from mlyard_training_pipeline.orchestration.dags.training import training_dag

    dag: Any = training_dag(write_spec(tmp_path, "yurts", extra=f'schedule = "{schedule}"'))
    assert dag.schedule == schedule


def test_the_page_tells_the_facts_of_the_spec(dag: Any) -> None:
    assert "regression of `price`, chosen by rmse" in dag.doc_md
    assert "ridge: `sklearn.linear_model.Ridge`" in dag.doc_md


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        pytest.param(RegistryUnavailable("http://registry", "refused"), True, id="a registry that is away"),
        pytest.param(TableError("column price: not a number"), False, id="a wrong table"),
        pytest.param(ZeroDivisionError(), True, id="an unknown fault"),
    ],
)
def test_only_what_can_go_away_is_retried(airflow_here: Settings, error: Exception, retried: bool) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(Exception) as caught, tasks.failing_for_good():  # noqa: PT011 - which one is the test
        raise error
    assert isinstance(caught.value, AirflowFailException) is not retried
    assert str(caught.value) == str(error)


def test_a_dag_file_is_parsed_without_the_libraries_of_the_steps(airflow_here: Settings, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, "houses")
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from mlyard_training_pipeline.orchestration.dags.training import training_dag\n"
        f"training_dag(Path({str(spec)!r}))\n"
        "print([name for name in ('sklearn', 'mlflow', 'pandas', 'pyarrow', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
