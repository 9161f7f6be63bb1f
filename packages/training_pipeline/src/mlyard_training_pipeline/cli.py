"""The command `mlyard-training-pipeline`. Heavy libraries are imported by the command that needs them."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mlyard_training_pipeline.settings import PREFIX, Settings

NAME = "mlyard-training-pipeline"
_ORCHESTRATION = {
    "airflow": ("commands", "Become one of Airflow's processes, or prepare its database."),
    "check": ("commands", "Exit with 0 if one of Airflow's processes is healthy."),
    "ensure": ("commands", "Train every spec that has no champion yet, through Airflow."),
    "logs": ("questions", "Print what the tasks of a run have logged."),
    "runs": ("questions", "List the last runs of a model, or of all, newest first."),
    "status": ("questions", "Show how each model stands, in Airflow and in the registry."),
    "trigger": ("questions", "Start a training now, through Airflow."),
    "users": ("users", "Make, remove and list people's accounts in Airflow."),
}
"""The module of each of these commands, and its help."""
SPEC = click.Path(path_type=Path)


class _Commands(click.Group):
    """The commands here, and those around Airflow, which are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ORCHESTRATION])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ORCHESTRATION:
            return super().get_command(ctx, cmd_name)
        module, _ = _ORCHESTRATION[cmd_name]
        commands = import_module(f"mlyard_training_pipeline.orchestration.{module}")
        command: click.Command = getattr(commands, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        here = {name: super(_Commands, self).get_command(ctx, name) for name in super().list_commands(ctx)}
        helps = {name: command.get_short_help_str(80) for name, command in here.items() if command}
        helps |= {name: text for name, (_, text) in _ORCHESTRATION.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(helps.items()))


@click.command(cls=_Commands)
def cli() -> None:
    """From a table to a gated, registered model. Settings are environment variables MLYARD_TRAINING_PIPELINE_*."""


@cli.command()
@click.argument("spec", type=SPEC)
def run(spec: Path) -> None:
    """Train the model of a spec, and promote it if it passes the gate; without Airflow."""
    from mlyard_training_pipeline.training import run as start

    start(spec, Settings.load())


@cli.command("import")
@click.argument("pipeline", type=SPEC)
@click.option("--data", type=SPEC, required=True, help="The table to judge it on, with the columns of the spec.")
@click.option("--spec", type=SPEC, required=True, help="The model spec; its source and candidates are not used.")
@click.option(
    "--trained-on", type=SPEC, help="The rows that it was fitted on: without them the gate cannot let it pass."
)
def import_(pipeline: Path, data: Path, spec: Path, trained_on: Path | None) -> None:
    """Judge and register a pipeline that was fitted elsewhere, from a file of skops."""
    from mlyard_training_pipeline.importing import import_pipeline

    import_pipeline(pipeline, spec, Settings.load(), table=data, trained_on=trained_on)


@cli.command()
@click.argument("spec", type=SPEC)
def validate(spec: Path) -> None:
    """Check a spec and its table, and print how they are understood; without the registry."""
    from mlyard_training_pipeline.preview import describe

    for line in describe(spec, Settings.load()):
        click.echo(line)


@cli.command()
@click.argument("table", type=SPEC, required=False)
@click.option("--target", required=True, metavar="COLUMN", help="The column that is to be predicted.")
@click.option("--query", metavar="SQL", help="A SELECT in place of a table; goes with --connection.")
@click.option("--connection", metavar="NAME", help="The connection of the query, as specs name it.")
@click.option("--name", help="Of the model; made of the table's name if it is not given.")
@click.option("--output", type=SPEC, metavar="PATH", help="The spec; NAME.toml in this folder if it is not given.")
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def init(**asked: Any) -> None:
    """Write a commented first spec for a CSV or Parquet file or folder, or a query."""
    from mlyard_training_pipeline.starter.request import Request
    from mlyard_training_pipeline.starter.writing import write

    for line in write(Request.of(**asked), Settings.load()):
        click.echo(line)


@cli.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why; it is kept in the ledger.")
def promote(model: str, version: int, reason: str) -> None:
    """Make a version the champion, whatever the gate said."""
    from mlyard_training_pipeline.promotions import promote as move

    click.echo(move(Settings.load(), model, version, reason=reason))


@cli.command()
@click.argument("model")
@click.option("--reason", required=True, help="Why; it is kept in the ledger.")
def rollback(model: str, reason: str) -> None:
    """Make the previous champion the champion again."""
    from mlyard_training_pipeline.promotions import rollback as move

    click.echo(move(Settings.load(), model, reason=reason))


@cli.command()
@click.argument("model")
def history(model: str) -> None:
    """Print every move of a model's champion, oldest first."""
    from mlyard_training_pipeline.promotions import print_history

    print_history(Settings.load(), model)


@cli.command()
@click.argument("model")
@click.option(
    "--input",
    "table",
    required=True,
    metavar="TABLE",
    help="A CSV or Parquet file or folder, CONNECTION.TABLE, or CONNECTION: SELECT ...",
)
@click.option("--output", required=True, metavar="PLACE", help="A .parquet file, a folder, or CONNECTION.TABLE.")
@click.option(
    "--existing",
    type=click.Choice(["refuse", "append", "replace"]),
    default="refuse",
    help="What becomes of an output that is there.",
)
@click.option(
    "--read",
    multiple=True,
    metavar="KEY=VALUE",
    help="How texts are written, as separator=; or decimal=, (keys of the spec's source).",
)
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="COLUMN",
    help="A column that tells the rows apart; the spec's key if none is given.",
)
@click.option("--probabilities", is_flag=True, help="Write the probability of each class too.")
@click.option(
    "--rejects",
    type=SPEC,
    metavar="FILE.csv",
    help="Where rows go that the model does not take; without it they refuse the job.",
)
def score(table: str, rejects: Path | None, **asked: Any) -> None:
    """Write the champion's predictions for a table of any size; killed and run again, it goes on where it was."""
    from mlyard_training_pipeline.batch.command import request_of
    from mlyard_training_pipeline.batch.command import run as start

    start(request_of(table=table, rejects=rejects, **asked), Settings.load())


def main() -> None:
    """Run the command: a mistake of the user's is one sentence and exit code 1."""
    from mlyard_shared.errors import RegistryUnavailable

    from mlyard_training_pipeline.failures import sentence

    try:
        cli(prog_name=NAME)
    except Exception as error:
        told = sentence(error)
        if told is None:
            raise
        way_out = f"; start it, or set {PREFIX}REGISTRY_URI" if isinstance(error, RegistryUnavailable) else ""
        click.echo(f"{NAME}: {told}{way_out}", err=True)
        sys.exit(1)
