"""The commands that talk to a running Airflow: `trigger`, `status`, `runs` and `logs`."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from mlyard_training_pipeline.settings import Settings

if TYPE_CHECKING:
    from mlyard_training_pipeline.orchestration.client.airflow import Airflow

WAIT_SECONDS = 300.0
"""For which `trigger --wait` lets Airflow give no answer, or start nothing."""

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document in place of lines.")


@click.command()
@click.argument("model")
@click.option("--wait", is_flag=True, help="Follow the run to its end; exit with 1 where it leaves no champion.")
@as_json
def trigger(model: str, *, wait: bool, as_json: bool) -> None:
    """Start a training now, through Airflow."""
    from mlyard_training_pipeline.orchestration.client.dags import Dags
    from mlyard_training_pipeline.orchestration.errors import NotInAirflow
    from mlyard_training_pipeline.promotions import operator

    settings = Settings.load()
    airflow = _airflow(settings)
    dag = Dags(airflow).find(model)
    page = f"{airflow.url}/dags/{model}"
    if dag.paused:
        raise NotInAirflow(f"the DAG of {model} is paused, so that its run would never begin: let it run at {page}")
    waits = bool(airflow.unfinished_runs(model))
    run = airflow.start(model, note=f"Started by {operator()} with `trigger`")
    if as_json:
        _json({"dag": model, "run": run, "url": f"{page}/runs/{run}"})
    else:
        click.echo(f"run {run} of {model} {'waits for the one before it' if waits else 'starts'}: {page}/runs/{run}")
    if wait:
        sys.exit(_follow(settings, model, run, file=dag.file, trains=dag.trains, quiet=as_json))


@click.command()
@click.argument("model", required=False)
@as_json
def status(model: str | None, *, as_json: bool) -> None:
    """Show how each model stands: its last run, its champion, its next run, and what is wrong with its spec."""
    from mlyard_training_pipeline.orchestration.client.dags import Dags
    from mlyard_training_pipeline.orchestration.client.status import status as ask
    from mlyard_training_pipeline.tracking.context import Context

    settings = Settings.load()
    found = ask(Dags(_airflow(settings)), open_context=partial(Context.from_settings, settings), model=model)
    if as_json:
        _json(found.as_json())
    else:
        from rich.console import Console

        from mlyard_training_pipeline.orchestration.client.shown import show_status

        show_status(found, Console(soft_wrap=True))


@click.command()
@click.argument("model", required=False)
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many at most.")
@as_json
def runs(model: str | None, *, limit: int, as_json: bool) -> None:
    """List the last runs of a model, or of all, newest first."""
    from mlyard_training_pipeline.orchestration.client.dags import Dags

    dags = Dags(_airflow(Settings.load()))
    if model is not None:
        dags.known(model)
    found = dags.runs(model, limit=limit)
    if as_json:
        _json({"runs": [run._asdict() for run in found]})
    else:
        from rich.console import Console

        from mlyard_training_pipeline.orchestration.client.shown import show_runs

        show_runs(found, Console(soft_wrap=True))


@click.command()
@click.argument("model")
@click.argument("run", default="latest")
@click.argument("task", required=False)
@click.option("--attempt", type=click.IntRange(min=1), help="Which attempt at the task; the last one by default.")
@as_json
def logs(model: str, run: str, task: str | None, *, attempt: int | None, as_json: bool) -> None:
    """Print what the tasks of a run have logged.

    RUN is the id of a run, by default `latest`. TASK is one task, such as `gate` or `"train ridge"`.
    """
    from rich.console import Console

    from mlyard_training_pipeline.orchestration.client.dags import Dags
    from mlyard_training_pipeline.orchestration.client.shown import show_log

    airflow = _airflow(Settings.load())
    dags, console = Dags(airflow), Console(soft_wrap=True)
    dags.known(model)
    found, kept = dags.run(model, run), []
    for one in dags.attempted(found, task, attempt=attempt or 1):
        number = attempt or one.attempt
        lines = airflow.log(model, found.id, one, attempt=number)
        if as_json:
            kept.append({"task": one.id, "label": one.label, "state": one.state, "attempt": number, "lines": lines})
        else:
            show_log(one, number, lines, console)
    if as_json:
        _json({"run": found._asdict(), "tasks": kept})


def _follow(settings: Settings, model: str, run: str, *, file: str, trains: bool, quiet: bool) -> int:
    """Follow a run to its end, and return the exit code; stopped, the run goes on."""
    from rich.console import Console

    from mlyard_training_pipeline.interruption import sigterm_as_interrupt
    from mlyard_training_pipeline.orchestration.client.progress import Progress
    from mlyard_training_pipeline.orchestration.client.retry import PAUSE, Retry
    from mlyard_training_pipeline.orchestration.client.training import Training

    # A program reads the one document; what goes on is for a person.
    console = Console(stderr=quiet)
    try:
        with sigterm_as_interrupt(), Progress(console, Console(stderr=True)) as progress:
            training = Training(
                model,
                dag_file=file,
                airflow=_airflow(settings),
                retry=Retry(WAIT_SECONDS, progress),
                progress=progress,
                run=run,
                is_judged=trains,
            )
            while not training.done:
                training.step()
                time.sleep(0 if training.done else PAUSE)
    except KeyboardInterrupt:
        click.echo(f"Following ends here; run {run} of {model} goes on in Airflow: {settings.airflow_url}", err=True)
        return 130
    return 1 if training.problem else 0


def _airflow(settings: Settings) -> "Airflow":
    from mlyard_training_pipeline.orchestration.client.airflow import Airflow

    return Airflow.from_settings(settings)


def _json(answer: object) -> None:
    from rich.console import Console

    from mlyard_training_pipeline.orchestration.client.shown import show_json

    show_json(answer, Console(soft_wrap=True))
