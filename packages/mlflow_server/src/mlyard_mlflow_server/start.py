"""From settings to a running server: what has to hold is seen to first, then this process runs MLflow's command."""

import os
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import click
from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server import database
from mlyard_mlflow_server.address import PREFIX
from mlyard_mlflow_server.command import server_command, server_environment
from mlyard_mlflow_server.settings import Settings


class CannotStart(MlyardError):
    """The machine does not have what the settings ask for."""


def serve(settings: Settings) -> None:
    """Check the address, the folders and the database, then run MLflow's command until the server ends.

    Raises:
        CannotStart: the address or a folder cannot be used, or MLflow cannot be imported.
        DatabaseError: the database cannot be used.
    """
    # As a container's first process this one would not hear SIGTERM at all while it migrates.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # MLflow reads its variables when it is imported.
    os.environ.update(server_environment(settings, os.environ))
    _free(settings.host, settings.port)
    uri = settings.backend_store_uri.get_secret_value()
    try:
        _prepare_storage(settings, database.sqlite_file(uri))
        database.migrate(uri)
    except ImportError as error:
        raise CannotStart(
            f"MLflow cannot be imported ({error}): install it again, with "
            "`pip install --force-reinstall mlyard-mlflow-server`"
        ) from error
    click.echo(
        f"Starting MLflow at http://{settings.host}:{settings.port}, artifacts in {settings.artifact_root}", err=True
    )
    _run(server_command(settings))


def _run(command: list[str]) -> None:
    """Run MLflow's command in this process, which the migration has made import most of MLflow already."""
    from mlflow.cli import cli

    sys.argv = command
    cli()


def _free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As uvicorn does it: connections that a former server left in TIME_WAIT are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror}): free it, or set {PREFIX}HOST or {PREFIX}PORT"
        ) from error


def _prepare_storage(settings: Settings, sqlite_file: Path | None) -> None:
    if settings.artifact_folder is None and find_spec("boto3") is None:
        raise CannotStart(f"{PREFIX}ARTIFACT_ROOT names an S3 bucket, which needs a package more: `pip install boto3`")
    folders = [("BACKEND_STORE_URI", sqlite_file.parent if sqlite_file else None)]
    folders.append(("ARTIFACT_ROOT", settings.artifact_folder))
    for name, folder in folders:
        if folder is not None:
            _prepare(folder, name)


def _prepare(folder: Path, setting: str) -> None:
    probe = folder / f".mlyard-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"cannot write into {folder} ({error.strerror}): let this user write there, "
            f"or set {PREFIX}{setting} to another place"
        ) from error
