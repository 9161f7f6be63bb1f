"""The command `mlyard-mlflow-server`."""

import click

from mlyard_mlflow_server.health import report
from mlyard_mlflow_server.users import users


@click.group()
def cli() -> None:
    """MLflow's tracking server and model registry. Settings are environment variables MLYARD_MLFLOW_SERVER_*."""


@cli.command()
def serve() -> None:
    """Migrate the database, then serve."""
    from mlyard_mlflow_server.settings import Settings
    from mlyard_mlflow_server.start import serve as start

    start(Settings.load())


@cli.command()
@click.option("--name", "names", multiple=True, help="A further name to ask by, as in mlflow:5000 (repeatable).")
def check(names: tuple[str, ...]) -> None:
    """Exit with 0 if the server answers by every name in ALLOWED_HOSTS, else say which one it refuses."""
    report(*names)


cli.add_command(users)
