"""The one place where MLflow's exceptions become ours: one line each, without passwords, with the way out."""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from requests.exceptions import RequestException

from mlyard_shared.account import Account
from mlyard_shared.errors import (
    ExperimentMissing,
    ModelNotFound,
    RegistryDenied,
    RegistryError,
    RegistryUnavailable,
    RunMissing,
)
from mlyard_shared.storage import storage_fault

_MISSING = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}
_DELETED = {"INVALID_PARAMETER_VALUE", "INVALID_STATE"}
_DENIED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
_AWAY = {"TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
# As MLflow's client, requests and urllib3 word an HTTP status in their messages.
_STATUS = re.compile(
    r"failed with error code (\d{3})|\b(\d{3}) (?:Client|Server) Error|too many (\d{3}) error responses"
)
# As MLflow's store words what is not there, or lies in its trash.
_RUN = re.compile(r"Run with id=(\S+) not found|run (\S+) must be in the 'active' state")
_EXPERIMENT = re.compile(
    r"No Experiment with id=(\S+) exists|experiment (\S+) must be in the 'active' state", re.IGNORECASE
)
_CUT_OFF = re.compile(r"failures occurred while downloading.*(Connection|IncompleteRead|[Tt]imed out)", re.DOTALL)
_DOWNLOAD = re.compile(r"failures occurred while downloading.*?\[Errno (\d+)\] [^:'#]+(?:: '([^']+)')?", re.DOTALL)
_FULL = re.compile(r"\bis full\b")
_TOLD = re.compile(r'"message":\s*("(?:[^"\\]|\\.)*")')
_CAUSES = (
    (re.compile(r"Failed to resolve '([^']+)'"), "the name {} is unknown"),
    (re.compile(r"\[Errno -?\d+\] ([\w ,]+)"), "{}"),
    (re.compile(r"[Tt]imed out|timeout"), "it did not answer in time"),
    (re.compile(r"Connection aborted|Connection broken|RemoteDisconnected|IncompleteRead"), "it hung up"),
)


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Run calls to MLflow; raise `RegistryError`s in place of what MLflow, requests and the file system raise."""
    shown = without_password(uri)
    try:
        yield
    except MlflowException as error:
        raise _translate(error.error_code, str(error), shown) from error
    except (RequestException, ConnectionError, TimeoutError) as error:
        raise _translate("", f"failed with exception {error}", shown) from error
    except OSError as error:
        fault = storage_fault(error)
        raise RegistryError(
            fault.sentence(doing="read or write") if fault else f"a file for the registry cannot be used: {error}"
        ) from error


def without_password(text: str) -> str:
    """The text with `user:password@` taken out of its URLs."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def answered(error: MlflowException) -> bool:
    """Whether the server answered, be it with an error, and did not refuse us."""
    found = _translate(error.error_code, str(error), "")
    silent = _STATUS.search(str(error)) is None and isinstance(found, RegistryUnavailable)
    return not silent and not isinstance(found, RegistryDenied)


def prepare_client(account: Account | None) -> None:
    """Let MLflow's client fail within seconds while the server is down, and print and report nothing of its own.

    The client reads these from the environment only, and its own defaults wait for minutes. What the user has set wins,
    but for the account.
    """
    if account is not None:
        os.environ["MLFLOW_TRACKING_USERNAME"] = account.username
        os.environ["MLFLOW_TRACKING_PASSWORD"] = account.password.get_secret_value()
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    # It warns of each retry; the caller tells once what came of them.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def _translate(code: str, message: str, uri: str) -> RegistryError:
    answer = _one_line(message.removeprefix(f"{code}: "))
    found = _STATUS.search(message)
    status = int(next(group for group in found.groups() if group)) if found else None
    if code in _DENIED or status in {401, 403}:
        return RegistryDenied(_refusal(uri, answer, unknown=code != "PERMISSION_DENIED" and status != 403))
    if missing := _missing(code, answer, uri):
        return missing
    if status == 507 or (code == "RESOURCE_EXHAUSTED" and _FULL.search(answer)):
        return RegistryError(f"the registry at {uri} has no room: {_told(message) or answer}")
    if status is None and (fault := _own_fault(message)):
        return RegistryError(fault)
    if status is not None:
        if status == 429 or status >= 500:
            return RegistryUnavailable(uri, f"it answers {status}")
        return RegistryError(f"{uri} answers {status}; is it an MLflow server?")
    if code in _AWAY or _silent(message):
        return RegistryUnavailable(uri, _cause(message) or answer)
    if "not in a valid JSON format" in message:
        return RegistryError(f"{uri} answers with something other than JSON; is it an MLflow server?")
    return RegistryError(f"the registry at {uri} answered: {answer}")


def _missing(code: str, answer: str, uri: str) -> RegistryError | None:
    """What is not there, where that is what an answer says."""
    if code not in _MISSING | _DELETED:
        return None
    if run := _RUN.search(answer):
        return RunMissing(run[1] or run[2], uri)
    if experiment := _EXPERIMENT.search(answer):
        gone, deleted = experiment.groups()
        return ExperimentMissing(gone or deleted, uri, in_trash=gone is None)
    return ModelNotFound(answer) if code in _MISSING else None


def _told(message: str) -> str:
    """What the server itself says, where its answer is quoted."""
    found = _TOLD.search(message)
    return _one_line(str(json.loads(found[1]))) if found else ""


def _own_fault(message: str) -> str:
    """What is wrong on this machine, where that is why files could not be fetched."""
    found = _DOWNLOAD.search(message)
    fault = storage_fault(OSError(int(found[1]), "", found[2])) if found else None
    return fault.sentence(doing="write") if fault else ""


def _silent(message: str) -> bool:
    """Whether nothing was answered, or only a part of it."""
    return "failed with exception" in message or "timeout exception" in message or bool(_CUT_OFF.search(message))


def _refusal(uri: str, answer: str, *, unknown: bool) -> str:
    if "Host header" in answer:
        return f"the registry at {uri} refuses requests by this name: add it to the server's allowed hosts"
    if unknown:
        return f"the registry at {uri} does not know this account: check the user name and the password"
    return f"the registry at {uri} refused the request (403): this account lacks the permission"


def _cause(message: str) -> str:
    for pattern, wording in _CAUSES:
        if found := pattern.search(message):
            return wording.format(*(group.strip() for group in found.groups()))
    return ""


def _one_line(message: str) -> str:
    """The gist of an answer, which may be a page of HTML or a traceback."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", without_password(message)).split())
    return plain if len(plain) <= 300 else f"{plain[:299]}…"
