import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec
from mlyard_training_pipeline.batch.request import scheduled
from mlyard_training_pipeline.settings import Settings

from ..conftest import write_spec

SCORING = """scoring = {{ source = {source}, sink = {sink}, schedule = "{schedule}" }}
timezone = "Europe/Berlin"
"""


def make(
    folder: Path, *, source: str = '"new.csv"', sink: str = '"warehouse.scores"', schedule: str = "0 4 * * *"
) -> Any:
    from mlyard_training_pipeline.orchestration.dags.scoring import scoring_dag
    from mlyard_training_pipeline.orchestration.dags.training import training_dag

    spec = write_spec(folder, "houses", extra=SCORING.format(source=source, sink=sink, schedule=schedule))
    training_dag(spec, folders=[folder], seen=time.time())
    return scoring_dag(spec, seen=time.time())


def test_a_spec_with_a_source_and_a_sink_has_a_dag_that_scores(airflow_here: Settings, tmp_path: Path) -> None:
    before = int(time.time())
    dag = make(tmp_path)
    assert dag.dag_id == "houses.scoring"
    assert [task.task_id for task in dag.tasks] == ["score"]
    assert dag.get_task("score").op_kwargs["model"] == "houses"
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 4 * * *", "Europe/Berlin")
    assert before <= dag.start_date.timestamp() <= datetime.now(UTC).timestamp()
    assert "for new.csv to warehouse.scores" in dag.doc_md


def test_a_spec_without_them_has_none(airflow_here: Settings, tmp_path: Path) -> None:
    from mlyard_training_pipeline.orchestration.dags.scoring import scoring_dag

    assert scoring_dag(write_spec(tmp_path, "houses"), seen=time.time()) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"schedule": "daily"}, 'scoring.schedule: "daily" is not a schedule; did you mean', id="schedule"),
        pytest.param({"schedule": ""}, "or leave the key out to score when somebody asks", id="no schedule"),
        pytest.param({"source": '"/etc/passwd.csv"'}, "scoring.source.path: .* leads to /etc/passwd.csv", id="source"),
        pytest.param({"sink": '"../../scores"'}, "scoring.sink.path: .* give a path there, or name", id="sink"),
        pytest.param({"sink": '{ path = "x.parquet", existing = "append" }'}, "cannot be added to", id="append"),
        pytest.param({"sink": '{ table = "x" }'}, "connection and table go together", id="connection"),
    ],
)
def test_what_cannot_be_scored_is_said_of_the_spec(
    airflow_here: Settings, tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SpecError, match=sentence):
        make(tmp_path / "models", **changes)


def test_texts_are_read_as_those_of_the_training_where_nothing_else_is_said(tmp_path: Path) -> None:
    extra = SCORING.format(source='{ path = "new.csv", decimal = "," }', sink='"scores"', schedule="@daily")
    file = write_spec(tmp_path, "houses", extra=extra)
    file.write_text(file.read_text().replace("[source]", '[source]\nseparator = ";"\nmissing = ["-"]'))
    asked = scheduled(read_spec(file), file.parent, run_key="run 1")
    assert (asked.source.separator, asked.source.missing, asked.source.decimal) == (";", ("-",), ",")
    assert asked.source.path == str(tmp_path / "houses/new.csv")
    assert asked.sink.path == str(tmp_path / "houses/scores")
