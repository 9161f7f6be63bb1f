"""The application that `mlflow server` runs: MLflow's own, in a process that never outlives the server."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Awaitable, Callable

from mlyard_mlflow_server.command import SERVER_PID

Asgi = Callable[..., Awaitable[None]]


def create_app() -> Asgi:
    """Return MLflow's application (found by `mlflow server --app-name mlyard`)."""
    with warnings.catch_warnings():
        # Starlette's word to MLflow's authors, which would be the first line of every log.
        warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")
        from mlflow.server import fastapi_app

    if server := os.environ.get(SERVER_PID):
        threading.Thread(target=_end_with, args=(int(server),), name="end-with-server", daemon=True).start()
    app: Asgi = fastapi_app.app
    return app


def _end_with(server: int) -> None:
    """Stop serving once the server's process is gone.

    `mlflow server` starts uvicorn as a child. Were it killed, the child would keep the port, and no supervisor could
    start the server again.
    """
    parent = os.getppid()
    while os.getppid() == parent and _runs(server):
        time.sleep(0.5)
    # With several workers the parent is uvicorn itself, which would replace a worker that stops on its own.
    os.kill(parent if parent == os.getppid() != server else os.getpid(), signal.SIGTERM)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
