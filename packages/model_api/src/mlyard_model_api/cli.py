"""The command `mlyard-model-api`."""

import sys

import click
from mlyard_shared.errors import MlyardError

from mlyard_model_api.settings import Settings


@click.group()
def cli() -> None:
    """Serves registered models over HTTP. Settings are environment variables MLYARD_MODEL_API_*."""


@cli.command()
def serve() -> None:
    """Serve the champions of the registry, and what is in the cache at once."""
    from mlyard_model_api.telemetry import logs

    settings = Settings.load()
    logs.configure(settings.log_level, settings.log_format)
    if settings.workers > 1:
        from mlyard_model_api import workers

        workers.serve(settings)
    else:
        from mlyard_model_api import server
        from mlyard_model_api.app import create_app

        server.serve(create_app(settings), settings)


@cli.command()
@click.option("--ready", is_flag=True, help="Ask whether every model is served, not only whether the API answers.")
def check(ready: bool) -> None:
    """Exit with 0 if the API answers, else say why not."""
    from mlyard_model_api import check as health

    settings = Settings.load()
    click.echo(health.check(settings.host, settings.port, ready=ready))


@cli.command()
@click.argument("model")
def forget(model: str) -> None:
    """Serve MODEL no more and remove its files from the cache, as after a move to another registry.

    A running API does so at its next poll. It fetches the model again where its registry names a champion of it.
    """
    from mlyard_model_api.serving import orders

    click.echo(orders.forget(Settings.load().cache, model))


@cli.command()
@click.argument("model")
def retry(model: str) -> None:
    """Try a version of MODEL again that was refused, also one that ended the process while it was loaded.

    A running API does so at its next poll.
    """
    from mlyard_model_api.serving import orders

    click.echo(orders.retry(Settings.load().cache, model))


def main() -> None:
    """Run the command: a mistake of the user's is one sentence and exit code 1."""
    try:
        cli(prog_name="mlyard-model-api")
    except MlyardError as error:
        click.echo(f"mlyard-model-api: {error}", err=True)
        sys.exit(1)
