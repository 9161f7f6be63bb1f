"""The scoring DAG of a spec: one task, which goes on where a former attempt at it was."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, literal, task
from mlyard_shared.spec import ModelSpec, read_spec

from mlyard_training_pipeline.orchestration.dags import tasks
from mlyard_training_pipeline.orchestration.dags.training import RETRIES, RUN_KEY
from mlyard_training_pipeline.schedule import of_scoring, schedule_of

SUFFIX = ".scoring"
"""What the name of a model gets, which has no dot itself."""


def scoring_dag(spec_file: Path, *, seen: float) -> DAG | None:
    """Return the DAG that scores a spec's table with the champion, None where the spec names no such table.

    Args:
        spec_file: the spec, which `training_dag` has admitted.
        seen: as for `training_dag`.
    """
    spec = read_spec(spec_file)
    if spec.scoring.source is None or spec.scoring.sink is None:
        return None
    schedule = schedule_of(of_scoring(spec))
    with DAG(
        dag_id=f"{spec.name}{SUFFIX}",
        schedule=CronTriggerTimetable(schedule.expression, timezone=schedule.timezone) if schedule else None,
        start_date=datetime.fromtimestamp(int(seen), UTC) if schedule else None,
        catchup=False,
        max_active_runs=1,
        default_args=RETRIES,
        tags=["mlyard", "scoring"],
        description=f"predictions of {spec.name} for a table",
        doc_md=_documentation(spec, spec_file),
    ) as dag:
        # A path is not a template, whatever braces are in it.
        job: Any = task(tasks.score)
        job(spec_file=literal(str(spec_file)), model=spec.name, run_key=RUN_KEY)
    return dag


def _documentation(spec: ModelSpec, file: Path) -> str:
    source, sink = spec.scoring.source, spec.scoring.sink
    assert source is not None  # noqa: S101 - which the caller has seen
    assert sink is not None  # noqa: S101
    table = source.path or f"a query over the connection {source.connection}"
    return f"""\
Writes the predictions of the champion of **{spec.name}** for {table} to {sink.shown}, as `{file}` says. A run writes
its predictions once, however often its task is tried.
"""
