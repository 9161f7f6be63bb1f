"""What uvicorn serves: MLflow's own application."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

from mlyard_mlflow_server.auth import load_auth
from mlyard_mlflow_server.environment import quiet_import, server_environment
from mlyard_mlflow_server.read_only import Asgi, read_only_for_the_reader
from mlyard_mlflow_server.settings import Settings


def create_app() -> Asgi:
    """Return the application of one process (uvicorn calls this in each of its workers)."""
    settings = Settings.load()
    # MLflow reads its variables when it is imported. Secrets that are set here stay out of what the system shows of a
    # process, which is the environment that it was started with.
    os.environ.update(server_environment(settings, os.environ))
    if server := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(server,), name="end-with-server", daemon=True).start()
    if settings.auth == "basic":
        return read_only_for_the_reader(load_auth(settings).create_app())
    with quiet_import():
        from mlflow.server import fastapi_app
    app: Asgi = fastapi_app.app
    return app


def _end_with(server: BaseProcess) -> None:
    """Stop once uvicorn's supervisor is gone: were it killed, its workers would keep the port."""
    server.join()
    os.kill(os.getpid(), signal.SIGTERM)
