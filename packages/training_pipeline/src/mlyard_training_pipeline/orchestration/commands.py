"""The commands `airflow`, `check` and `ensure`."""

import os
import signal
import sys
from functools import cache, partial

import click

from mlyard_training_pipeline.orchestration.errors import NothingToTrain
from mlyard_training_pipeline.orchestration.processes.health import CHECKS
from mlyard_training_pipeline.orchestration.processes.health import check as ask
from mlyard_training_pipeline.orchestration.processes.launch import PROCESSES
from mlyard_training_pipeline.settings import Settings

NOTHING_TO_TRAIN = 3
"""The exit code of `ensure` where the folder of models holds no spec: all runs, and nothing can be served."""


@click.command()
@click.argument("process", type=click.Choice(["init", *PROCESSES]))
def airflow(process: str) -> None:
    """Become one of Airflow's processes, or prepare its database (init)."""
    if process == "init":
        from mlyard_training_pipeline.orchestration.processes.database import initialise

        # The first process of a container ignores SIGTERM unless it has a handler.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        initialise(Settings.load())
    else:
        from mlyard_training_pipeline.orchestration.processes.launch import become

        become(process, Settings.load())


@click.command()
@click.argument("process", type=click.Choice(list(CHECKS)), required=False)
def check(process: str | None) -> None:
    """Exit with 0 if one of Airflow's processes is healthy, else say why it is not (default: a container's first)."""
    click.echo(ask(process, os.environ))


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="Seconds for which Airflow or the registry may give no answer, or start nothing.",
)
def ensure(timeout: float) -> None:
    """Train every spec that has no champion yet, through Airflow, and show how it goes.

    Exits with 0 when every spec has a champion, with 3 where there is no spec at all, else with 1.
    """
    from rich.console import Console

    from mlyard_training_pipeline.interruption import sigterm_as_interrupt
    from mlyard_training_pipeline.orchestration.client import summary
    from mlyard_training_pipeline.orchestration.client.airflow import Airflow
    from mlyard_training_pipeline.orchestration.client.ensure import ensure as train_all
    from mlyard_training_pipeline.orchestration.client.progress import Progress
    from mlyard_training_pipeline.orchestration.client.retry import Retry
    from mlyard_training_pipeline.tracking.context import Context

    settings = Settings.load()
    open_context = cache(partial(Context.from_settings, settings))
    try:
        with sigterm_as_interrupt():
            try:
                with Progress(Console(), Console(stderr=True)) as progress:
                    all_there = train_all(
                        settings,
                        open_context=open_context,
                        connect=lambda: Airflow.from_settings(settings),
                        progress=progress,
                        retry=Retry(timeout, progress),
                    )
                code = 0 if all_there else 1
            except NothingToTrain as error:
                click.echo(f"mlyard-training-pipeline: {error}", err=True)
                code = NOTHING_TO_TRAIN
            summary.show(settings, Console(), open_context=open_context)
    except KeyboardInterrupt:
        click.echo(f"Following ends here; what was started goes on in Airflow: {settings.airflow_url}", err=True)
        code = 130
    sys.exit(code)
