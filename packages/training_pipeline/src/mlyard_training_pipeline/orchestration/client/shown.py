"""Answers as a person or a program reads them: tables on a terminal, else lines with tabs; logs; and JSON."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlyard_training_pipeline.orchestration.client.airflow import Task
from mlyard_training_pipeline.orchestration.client.dags import DagRun
from mlyard_training_pipeline.orchestration.client.progress import STYLES
from mlyard_training_pipeline.orchestration.client.status import Status

SOURCES = "::group::Log message source"
"""What a log begins with: the file that it was read from, on Airflow's machine."""


def show_json(answer: object, console: Console) -> None:
    """Print an answer as one JSON document, with times in ISO 8601."""
    console.out(json.dumps(answer, default=_iso, indent=2), highlight=False)


def show_status(status: Status, console: Console) -> None:
    """Print how the models stand, then what is wrong with specs and with the registry."""
    rows = [
        (
            model.name,
            model.state,
            _time(model.last_run.started) if model.last_run else "-",
            str(model.champion) if model.champion else "unknown" if status.registry_error else "-",
            _time(model.next_run) if model.next_run and not model.paused else "-",
        )
        for model in status.models
    ]
    _table(("model", "last run", "began", "champion", "next run"), rows, console)
    for model in status.models:
        if model.import_error:
            console.out(f"{model.name}: {model.import_error}", highlight=False)
    for error in status.import_errors.values():
        console.out(error, highlight=False)
    if status.registry_error:
        console.out(f"champions are unknown: {status.registry_error}", highlight=False)


def show_runs(runs: Sequence[DagRun], console: Console) -> None:
    """Print runs, newest first."""
    rows = [
        (run.dag, run.id, run.state, _time(run.started), f"{run.seconds:.1f} s" if run.seconds else "-", run.kind)
        for run in runs
    ]
    _table(("model", "run", "state", "began", "took", "kind"), rows, console)


def show_log(task: Task, attempt: int, lines: Iterable[Any], console: Console) -> None:
    """Print an attempt's log below a heading."""
    console.out(f"--- {task.name}, attempt {attempt}: {task.state}", highlight=False)
    sources = False
    for line in lines:
        event = str(line.get("event", "")) if isinstance(line, dict) else str(line)
        if event.startswith("::"):  # Airflow's page folds what stands between such lines
            sources = event.startswith(SOURCES)
        elif not sources:
            console.out(log_line(line), highlight=False)


def log_line(line: Any) -> str:
    """A line of a task's log, with what an exception said; Airflow's own tracebacks stay in its page."""
    if not isinstance(line, dict):
        return str(line).rstrip()
    head = (str(line.get("timestamp") or "")[:19], str(line.get("level") or "").upper(), str(line.get("event", "")))
    errors = [f"    {one.get('exc_type')}: {one.get('exc_value')}" for one in line.get("error_detail") or []]
    return "\n".join([" ".join(part for part in head if part), *errors])


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    if not console.is_terminal:
        # Rich would turn the tabs into spaces.
        console.file.writelines("\t".join(row) + "\n" for row in rows)
        return
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, STYLES.get(cell, "")) for cell in row))
    console.print(table if rows else "there is nothing yet")


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if moment else "-"


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
