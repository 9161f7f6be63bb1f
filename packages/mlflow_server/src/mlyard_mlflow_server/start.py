"""From settings to a running server: what it needs is checked first, then this process serves."""

import os
import shlex
import signal
import socket
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import click
from mlyard_shared.errors import MlyardError

from mlyard_mlflow_server import database
from mlyard_mlflow_server.address import EVERY_INTERFACE, PREFIX
from mlyard_mlflow_server.auth import load_auth, update_accounts
from mlyard_mlflow_server.environment import SECRET, server_environment
from mlyard_mlflow_server.guards.locations import own_locations_only
from mlyard_mlflow_server.settings import Settings
from mlyard_mlflow_server.storage import FULL, remove_remains

PROBE_BYTES = 64 * 1024


class CannotStart(MlyardError):
    """The machine does not have what the settings ask for."""


def serve(settings: Settings) -> None:
    """Check the address, the folders and the database, serve until told to stop, and end the process.

    Raises:
        CannotStart: the address or a folder cannot be used, or MLflow cannot be imported.
        DatabaseError: the database cannot be used.
        SettingsError: a variable of MLflow's asks for what this server does not do.
    """
    # As a container's first process this one would not hear SIGTERM at all while it migrates.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # MLflow reads its variables when it is imported.
    os.environ.update(server_environment(settings, os.environ))
    options = _uvicorn_options()
    _free(settings.host, settings.port)
    try:
        _prepare_storage(settings, database.sqlite_file(settings.backend_store_uri.get_secret_value()))
        _prepare_database(settings)
        if settings.artifact_folder is not None:
            # Beside the start: a large folder takes a while.
            Thread(target=remove_remains, args=(settings.artifact_folder,), daemon=True).start()
    except ImportError as error:
        raise CannotStart(
            f"MLflow cannot be imported ({error}): install it again, with "
            "`pip install --force-reinstall mlyard-mlflow-server`"
        ) from error
    _announce(settings)
    _run(settings, options)
    # All is done: Python would take seconds more to clear MLflow away, and wait for threads that a database holds up.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _prepare_database(settings: Settings) -> None:
    schemas = [database.TRACKING]
    if settings.auth == "basic":
        load_auth(settings)
        schemas.append(database.SIGN_IN)
    uri = settings.backend_store_uri.get_secret_value()
    with database.migrated(uri, schemas):
        from mlflow.server.handlers import initialize_backend_stores

        # Before MLflow makes its stores: one worker serves in this process, with these.
        own_locations_only(settings.artifact_root)
        initialize_backend_stores(uri, uri, "mlflow-artifacts:/")
        if settings.auth == "basic":
            update_accounts(settings)


def _announce(settings: Settings) -> None:
    at = f"http://{settings.host}:{settings.port}"
    click.echo(f"Starting MLflow at {at}, artifacts in {settings.artifact_root}", err=True)
    if settings.auth == "none" and settings.host in EVERY_INTERFACE:
        click.echo(
            f"Anyone who reaches port {settings.port} may read, write and delete: set {PREFIX}AUTH=basic "
            "where that is more than your own machines",
            err=True,
        )


def _run(settings: Settings, options: list[str]) -> None:
    """Run uvicorn's command in this process; with several workers it becomes their supervisor."""
    from uvicorn.main import main as uvicorn

    command = ["--log-config", str(files("mlflow") / "server" / "uvicorn_log_config.yaml")]
    command += [*options, "--workers", str(settings.workers)]
    command += ["--host", settings.host, "--port", str(settings.port)]
    # Uvicorn would look for modules in the working folder first.
    command += ["--app-dir", str(Path(__file__).parents[1]), "--factory", "mlyard_mlflow_server.app:create_app"]
    if settings.workers > 1:
        for name in SECRET:
            os.environ.pop(name, None)
    uvicorn.main(command, prog_name="uvicorn", standalone_mode=False)


def _uvicorn_options() -> list[str]:
    """Return uvicorn's options of the user's, and see that it takes them before anything is prepared."""
    from uvicorn.main import main as uvicorn

    try:
        options = shlex.split(os.environ["MLFLOW_UVICORN_OPTS"])
        uvicorn.make_context("uvicorn", [*options, "application"])
    except ValueError as error:
        raise CannotStart(f"MLFLOW_UVICORN_OPTS cannot be read: {error}") from error
    except click.ClickException as error:
        raise CannotStart(f"uvicorn does not take MLFLOW_UVICORN_OPTS: {error.format_message()}") from error
    return options


def _free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As uvicorn does it: connections that a former server left in TIME_WAIT do no harm.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({error.strerror}): free it, or set {PREFIX}HOST or {PREFIX}PORT"
        ) from error


def _prepare_storage(settings: Settings, sqlite_file: Path | None) -> None:
    if settings.artifact_folder is None and find_spec("boto3") is None:
        raise CannotStart(
            f"{PREFIX}ARTIFACT_ROOT names an S3 bucket, which needs one more package: `pip install boto3`"
        )
    folders = [("BACKEND_STORE_URI", sqlite_file.parent if sqlite_file else None)]
    folders.append(("ARTIFACT_ROOT", settings.artifact_folder))
    for name, folder in folders:
        if folder is not None:
            _prepare(folder, name)


def _prepare(folder: Path, setting: str) -> None:
    probe = folder / f".mlyard-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # An empty file says nothing of space.
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        way_out = "free space on its volume" if error.errno in FULL else "let this user write there"
        raise CannotStart(
            f"cannot write into {folder} ({error.strerror}): {way_out}, or set {PREFIX}{setting} to another place"
        ) from error
