"""What Airflow tells of its DAGs, their runs and their logs."""

import difflib
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from mlyard_training_pipeline.orchestration.client.airflow import TIMEOUT, Airflow, Task
from mlyard_training_pipeline.orchestration.errors import NotInAirflow

TAG = "mlyard"
"""What each of our DAGs is tagged with."""
NEWEST = "latest"
"""What a person may say in place of a run's id."""
PAGE = 100


class Dag(NamedTuple):
    """A DAG: `file` is relative to its bundle, and `next_run` is when its schedule starts it."""

    name: str
    file: str
    paused: bool
    next_run: datetime | None
    trains: bool


class DagRun(NamedTuple):
    """A run of a DAG."""

    dag: str
    id: str
    state: str
    kind: str
    started: datetime | None
    seconds: float | None


class Dags:
    """Asks a running Airflow; besides what `Airflow` raises, each method raises `NotInAirflow` where it has no such."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow

    def all(self) -> tuple[Dag, ...]:
        """Return our DAGs by name."""
        from airflow_client.client.api.dag_api import DAGApi

        api, found = DAGApi(self._airflow.client), list[Any]()
        while True:
            ask = partial(api.get_dags, tags=[TAG], limit=PAGE, order_by=["dag_id"], _request_timeout=TIMEOUT)
            page = self._airflow.ask(partial(ask, offset=len(found)))
            found += page.dags if page else []
            if page is None or not page.dags or len(found) >= page.total_entries:
                return tuple(_dag(dag) for dag in found)

    def find(self, name: str) -> Dag:
        """Return a DAG that can run; where it has an import error, that is told."""
        found = self.known(name)
        if fault := self.errors().get(found.file):
            raise NotInAirflow(f"the DAG of {name} has an import error: {fault}")
        return found

    def known(self, name: str) -> Dag:
        """Return a DAG, which may have an import error; where there is none, the near names are told."""
        dags = self.all()
        for dag in dags:
            if dag.name == name:
                return dag
        if fault := _fault(name, self.errors()):
            raise NotInAirflow(f"the DAG of {name} has an import error: {fault}")
        raise NotInAirflow(f"Airflow has no DAG {name!r}{_near(name, [dag.name for dag in dags])}")

    def errors(self) -> dict[str, str]:
        """Return why DAG files cannot be used."""
        from airflow_client.client.api.import_error_api import ImportErrorApi

        api = ImportErrorApi(self._airflow.client)
        found = self._airflow.ask(lambda: api.get_import_errors(limit=PAGE, _request_timeout=TIMEOUT))
        return {str(error.filename): str(error.stack_trace).strip() for error in (found.import_errors if found else [])}

    def runs(self, dag: str | None, *, limit: int) -> tuple[DagRun, ...]:
        """Return the last runs of a DAG, or of all of them, newest first."""
        from airflow_client.client.api.dag_run_api import DagRunApi

        api = DagRunApi(self._airflow.client)
        found = self._airflow.ask(
            lambda: api.get_dag_runs(dag or "~", limit=limit, order_by=["-id"], _request_timeout=TIMEOUT)
        )
        return tuple(_run(run) for run in (found.dag_runs if found else []))

    def run(self, dag: str, run: str) -> DagRun:
        """Return a run by its id, or the newest one."""
        from airflow_client.client.api.dag_run_api import DagRunApi

        last = self.runs(dag, limit=5)
        if not last:
            raise NotInAirflow(f"{dag} has no run yet: `trigger {dag}` starts one")
        if run == NEWEST:
            return last[0]
        api = DagRunApi(self._airflow.client)
        found = self._airflow.ask(lambda: api.get_dag_run(dag, run, _request_timeout=TIMEOUT))
        if found is None:
            shown = ", ".join(one.id for one in last)
            raise NotInAirflow(
                f"{dag} has no run {run!r}: the last ones are {shown}, and `{NEWEST}` stands for the first"
            )
        return _run(found)

    def tasks(self, run: DagRun, name: str | None) -> tuple[Task, ...]:
        """Return the tasks of a run, or those that a person means by `train`, `ridge`, `train ridge` or `train[0]`."""
        tasks = self._airflow.tasks(run.dag, run.id)
        if name is None:
            return tasks
        meant = tuple(
            task for task in tasks if name in (task.id, task.label, task.name, f"{task.id}[{task.map_index}]")
        )
        if not meant:
            known = ", ".join(dict.fromkeys(task.name for task in tasks))
            raise NotInAirflow(f"run {run.id} of {run.dag} has no task {name!r}: it has {known}")
        return meant

    def attempted(self, run: DagRun, name: str | None, *, attempt: int) -> tuple[Task, ...]:
        """Return those of the tasks that have come to this attempt; the first one need not have begun yet."""
        tasks = self.tasks(run, name)
        begun = tuple(task for task in tasks if task.attempt >= attempt)
        if not begun and attempt > 1:
            most = max((task.attempt for task in tasks), default=0)
            raise NotInAirflow(
                f"run {run.id} of {run.dag} has no attempt {attempt} at {name or 'any task'}: the last one is {most}"
            )
        return begun


def _dag(dag: Any) -> Dag:
    return Dag(
        name=dag.dag_id,
        file=dag.relative_fileloc or "",
        paused=bool(dag.is_paused),
        next_run=dag.next_dagrun_run_after,
        trains="scoring" not in {tag.name for tag in dag.tags},
    )


def _run(run: Any) -> DagRun:
    return DagRun(
        dag=run.dag_id,
        id=run.dag_run_id,
        state=run.state.value,
        kind=run.run_type.value,
        started=run.start_date,
        seconds=run.duration,
    )


def _fault(name: str, errors: Mapping[str, str]) -> str | None:
    """The error of a file or a folder that is called like a DAG that is not there: a wrong spec has no name."""
    for file, error in errors.items():
        place = PurePosixPath(file)
        if name in (place.name.partition(".")[0], place.parent.name):
            return error
    return None


def _near(name: str, known: list[str]) -> str:
    if not known:
        return ": it has none of mlyard's; a spec in the folder of models gets one"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f": did you mean {' or '.join(near)}?" if near else f": it has {', '.join(known)}"
