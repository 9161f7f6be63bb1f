import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec
from mlyard_training_pipeline import schedule
from mlyard_training_pipeline.orchestration.processes.environment import PROMOTION_POOL
from mlyard_training_pipeline.settings import Settings

from ..conftest import write_spec


def make(folder: Path, *, extra: str = "") -> Any:
    return make_from(write_spec(folder, "houses", extra=extra))


def make_from(spec: Path) -> Any:
    from mlyard_training_pipeline.orchestration.dags.training import training_dag

    return training_dag(spec, folders=[spec.parents[1]], seen=time.time())


@pytest.fixture
def dag(airflow_here: Settings, tmp_path: Path) -> Any:
    return make(tmp_path, extra='schedule = "@weekly"')


def test_the_steps_follow_one_another(dag: Any) -> None:
    assert dag.dag_id == "houses"
    followers = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert followers["extract"] == ["evaluate", "evidence", "gate", "promote", "register", "train", "validate"]
    assert followers["validate"] == ["train"]
    assert followers["train"] == ["evaluate", "evidence"]
    assert followers["evaluate"] == ["evidence", "gate", "register"]
    # Nothing waits for plots, and Airflow does not count how they went.
    assert followers["evidence"] == []
    assert dag.get_task("evidence").is_teardown
    assert not dag.get_task("evidence").on_failure_fail_dagrun
    assert followers["register"] == ["promote"]
    assert followers["promote"] == []


def test_a_person_is_asked_where_the_spec_says_so(airflow_here: Settings, tmp_path: Path) -> None:
    made = make(tmp_path, extra="gate = { approval = true, approval_hours = 2 }")
    followers = {task.task_id: sorted(task.downstream_task_ids) for task in made.tasks}
    assert followers["register"] == ["needs_approval", "promote"]
    assert followers["needs_approval"] == ["approve"]
    assert followers["approve"] == ["promote"]
    approve = made.get_task("approve")
    assert (approve.options, approve.defaults) == (["Promote", "Keep the champion"], ["Keep the champion"])
    assert approve.response_timeout == timedelta(hours=2)
    # The training's run is ended by the last step, also where nobody is asked.
    assert made.get_task("promote").trigger_rule == "none_failed"


def test_candidates_are_trained_side_by_side(dag: Any) -> None:
    assert dag.get_task("train").is_mapped


SEARCHED = """
[[candidates]]
name = "halved"
estimator = "sklearn.linear_model.Lasso"
search = "halving"
trials = 30
ranges.alpha = { low = 0.001, high = 1.0, log = true }
"""


def test_settings_are_searched_before_candidates_are_trained(airflow_here: Settings, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, "houses")
    spec.write_text(spec.read_text() + SEARCHED)
    made = make_from(spec)
    followers = {task.task_id: sorted(task.downstream_task_ids) for task in made.tasks}
    assert followers["validate"] == ["search", "train"]
    assert followers["search"] == ["rung_1", "spread"]
    assert followers["spread"] == ["settings"]
    assert followers["settings"] == ["train"]
    assert [followers[f"rung_{number}"] for number in (1, 2, 3)] == [["rung_2"], ["rung_3"], ["train"]]
    assert "rung_4" not in followers
    assert all(made.get_task(name).is_mapped for name in ("search", "settings", "rung_1", "train"))
    assert made.get_task("train").trigger_rule == "none_failed"


def test_without_a_search_there_are_no_tasks_of_one(dag: Any) -> None:
    assert not {"search", "spread", "settings"} & {task.task_id for task in dag.tasks}


def test_promotions_wait_in_the_pool_of_one_slot(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks if task.pool == PROMOTION_POOL} == {"promote"}


def test_one_run_at_a_time_and_none_for_times_that_are_past(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert not dag.catchup


def test_without_a_schedule_it_runs_once(airflow_here: Settings, tmp_path: Path) -> None:
    assert make(tmp_path).schedule == "@once"


def test_that_one_run_is_dated_by_the_moment_at_which_it_begins(airflow_here: Settings, tmp_path: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    spec = write_spec(tmp_path, "houses")
    os.utime(spec, (0, 0))
    made: Any = DagSerialization.from_dict(DagSerialization.to_dict(make_from(spec)))
    restriction = TimeRestriction(earliest=made.start_date, latest=None, catchup=made.catchup)
    first = made.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert abs(first.logical_date - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "extra",
    [
        *(f'schedule = "{preset}"' for preset in schedule.PRESETS),
        'schedule = "0 3 * * 1"',
        'schedule = " 0  3 * * 1 "',
        'schedule = "30 2 * * *"\ntimezone = "Europe/Berlin"',
        'schedule = "CRON_TZ=Australia/Lord_Howe 30 1 * * *"',
        'schedule = "0 * * * *"\ntimezone = "Europe/Berlin"',
        'schedule = "*/30 1-3 * * *"\ntimezone = "America/New_York"',
        'schedule = "0 3 29 2 *"',
        'schedule = "0 3 l * *"',
        'schedule = "0 3 15w * *"',
        'schedule = "0 3 * * mon#1,L5"',
        'schedule = "0 3 1-7 * sun"',
        'schedule = "0 22-2 ? JAN-mar *"',
    ],
)
def test_airflow_follows_the_schedule_that_is_told(airflow_here: Settings, tmp_path: Path, extra: str) -> None:
    """At the clocks' changes too, by the timetable that Airflow's scheduler reads back from its database."""
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import DataInterval, TimeRestriction
    from pendulum import instance

    made = make(tmp_path, extra=extra)
    told = schedule.schedule_of(read_spec(tmp_path / "houses/houses.toml"))
    assert told is not None
    timetable: Any = DagSerialization.from_dict(DagSerialization.to_dict(made)).timetable
    for day in ("2026-03-27", "2026-10-23", "2027-04-02"):
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
        for _ in range(100):
            following = timetable.next_dagrun_info(
                last_automated_data_interval=DataInterval.exact(instance(moment)),
                restriction=TimeRestriction(earliest=None, latest=None, catchup=True),
            ).run_after
            assert following == told.next_after(moment)
            moment = told.next_after(moment)
            if moment - datetime.fromisoformat(day).replace(tzinfo=UTC) > timedelta(days=5):
                break


def test_a_new_spec_waits_for_its_time(airflow_here: Settings, tmp_path: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    spec = write_spec(tmp_path, "houses", extra='schedule = "0 3 * * 1"')
    os.utime(spec, (0, 0))  # as `cp -p` keeps the time of an old file
    made: Any = DagSerialization.from_dict(DagSerialization.to_dict(make_from(spec)))
    timetable = made.timetable
    restriction = TimeRestriction(earliest=made.start_date, latest=None, catchup=made.catchup)
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction).run_after
    told = schedule.schedule_of(read_spec(spec))
    assert told is not None
    assert first == told.next_after(datetime.now(UTC))


@pytest.mark.parametrize("expression", ["daily", "", "0 0 3 * * *", "0 3 30 2 *"])
def test_what_is_not_a_schedule_is_not_one_to_airflow_either(
    airflow_here: Settings, tmp_path: Path, expression: str
) -> None:
    with pytest.raises(SpecError, match="schedule: "):
        make(tmp_path, extra=f'schedule = "{expression}"')


def test_a_table_outside_of_the_folders_is_refused(airflow_here: Settings, tmp_path: Path) -> None:
    from mlyard_training_pipeline.orchestration.dags.training import training_dag

    with pytest.raises(SpecError, match="SOURCE_FOLDERS"):
        training_dag(write_spec(tmp_path / "models", "houses"), folders=[tmp_path / "others"], seen=0)


def test_a_path_with_braces_stays_a_path(airflow_here: Settings, tmp_path: Path) -> None:
    made = make(tmp_path / "{{ dag.dag_id }}")
    (rendered,) = [made.get_task("extract").op_kwargs["spec_file"]]
    assert made.get_task("extract").render_template(rendered, {"dag": made}) == str(
        tmp_path / "{{ dag.dag_id }}/houses/houses.toml"
    )


def test_the_page_tells_the_facts_of_the_spec(dag: Any) -> None:
    assert "regression of `price`, chosen by rmse" in dag.doc_md
    assert "ridge: `sklearn.linear_model.Ridge`" in dag.doc_md


def test_a_dag_file_is_parsed_without_the_libraries_of_the_steps(airflow_here: Settings, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, "houses")
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from mlyard_training_pipeline.orchestration.dags.training import training_dag\n"
        f"training_dag(Path({str(spec)!r}), folders=[Path({str(tmp_path)!r})], seen=0)\n"
        "print([name for name in ('sklearn', 'mlflow', 'pandas', 'pyarrow', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
