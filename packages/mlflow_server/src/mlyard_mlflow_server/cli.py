"""The command `mlyard-mlflow-server`."""

import os
import sys

import click
from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server.address import Address
from mlyard_mlflow_server.health import check


@click.group()
def cli() -> None:
    """MLflow's tracking server and model registry. Settings are environment variables MLYARD_MLFLOW_SERVER_*."""


@cli.command()
def serve() -> None:
    """Migrate the database, then become MLflow's server."""
    from mlyard_mlflow_server.settings import Settings
    from mlyard_mlflow_server.start import serve as start

    start(Settings.load())


@cli.command(name="check")
@click.option("--name", "names", multiple=True, help="A further name to ask by, as in mlflow:5000 (repeatable).")
def check_command(names: tuple[str, ...]) -> None:
    """Exit with 0 if the server answers by every name in ALLOWED_HOSTS, else say which one it refuses."""
    address = Address.read(os.environ)
    asked = address.names(*names)
    check(address, asked)
    click.echo(f"healthy at {address.reached_at}:{address.port}, reached as {', '.join(asked)}")


def main() -> None:
    """Run the command: a mistake of the user's is one sentence and exit code 1."""
    try:
        cli(prog_name="mlyard-mlflow-server")
    except MlyardError as error:
        click.echo(f"mlyard-mlflow-server: {error}", err=True)
        sys.exit(1)
