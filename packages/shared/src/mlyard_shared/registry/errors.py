"""The one place where MLflow's exceptions become ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

from mlyard_shared.errors import ModelNotFound, RegistryDenied, RegistryError, RegistryUnavailable


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Run calls to MLflow; raise `RegistryError`s in place of MLflow's own."""
    try:
        yield
    except MlflowException as error:
        raise _translate(error, uri) from error
    except (RequestException, OSError) as error:
        raise RegistryUnavailable(uri, f"{type(error).__name__}") from error


def quiet_client() -> None:
    """Let MLflow's client fail within seconds while the server is down, and print and report nothing of its own.

    The client reads these from the environment only, and its own defaults wait for minutes. What the user has set wins.
    """
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


def _translate(error: MlflowException, uri: str) -> RegistryError:
    message = str(error)
    first_line = message.splitlines()[0] if message else type(error).__name__
    if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}:
        return ModelNotFound(first_line)
    if error.error_code in {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}:
        return RegistryDenied(f"the registry at {uri} refused this account: {first_line}")
    if "error code 403" in message or "error code 401" in message:
        return RegistryDenied(f"the registry at {uri} refused the request: {first_line}")
    if "API request to" in message or error.error_code in {"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"}:
        cause = message.rsplit("Caused by ", 1)[-1].strip("()' ").splitlines()[0] if message else ""
        return RegistryUnavailable(uri, cause or first_line)
    return RegistryError(f"the registry at {uri} answered: {first_line}")
