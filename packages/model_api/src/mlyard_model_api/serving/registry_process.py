"""What asks MLflow, in a process of its own: its client takes 130 MB, and seconds in which nothing else of Python runs.

`python -m mlyard_model_api.serving.registry_process` is that process. It listens at a socket in a folder that no other
user may enter, so that all workers of a service ask one, and ends with the process that started it.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, NamedTuple

from mlyard_shared.account import Account
from mlyard_shared.errors import ModelNotFound, RegistryDenied, RegistryError, RegistryUnavailable
from mlyard_shared.registry.version import ModelVersion, Standing
from pydantic import SecretStr

from mlyard_model_api.serving import download

QUESTION_SECONDS = 600.0
START_SECONDS = 60.0
_KINDS: dict[str, type[RegistryError]] = {
    kind.__name__: kind for kind in (RegistryError, RegistryUnavailable, RegistryDenied, ModelNotFound)
}

log = logging.getLogger(__name__)


class Source(NamedTuple):
    """A registry: where it is, who asks it, and what a download of it may take."""

    uri: str
    account: Account | None
    limits: download.Limits


class RegistryProcess:
    """The process. It is started with the first question, and again where it has ended."""

    def __init__(self, source: Source, *, folder: Path | None = None) -> None:
        """Nothing runs yet; the folder of its socket is removed with it, and a new one where none is given."""
        self.source = source
        self._running: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        folder = folder or Path(tempfile.mkdtemp(prefix="mlyard-model-api-"))
        self.address = str(folder / "registry")
        self.end = weakref.finalize(self, _end, self._running, folder)

    def ensure(self) -> None:
        """Start it unless it runs; returns when it listens.

        Raises:
            RegistryUnavailable: it does not.
        """
        with self._lock:
            if self._running and self._running[0].poll() is None:
                return
            _stop(self._running)
            Path(self.address).unlink(missing_ok=True)
            account = self.source.account
            task = {"uri": self.source.uri, "address": self.address}
            if account is not None:
                task |= {"username": account.username, "password": account.password.get_secret_value()}
            # In a session of its own it gets no Ctrl-C that is meant for this process.
            process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            self._running.append(process)
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            with suppress(BrokenPipeError):  # it has ended, and is asked in vain
                process.stdin.write(json.dumps(task).encode() + b"\n")
                process.stdin.flush()
            if process.stdout.readline() == b"":
                raise RegistryUnavailable(self.source.uri, f"the process that asks it ended ({process.wait()})")


def _stop(running: list[subprocess.Popen[bytes]]) -> None:
    """End what runs, and forget it."""
    while running:
        process = running.pop()
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # it ended before it read its task
                    stream.close()


def _end(running: list[subprocess.Popen[bytes]], folder: Path) -> None:
    _stop(running)
    shutil.rmtree(folder, ignore_errors=True)


class AskedRegistry:
    """The registry, by way of the process; downloads run in processes of their own."""

    def __init__(self, source: Source, address: str, *, ensure: Callable[[], None] = lambda: None) -> None:
        """Ask nothing yet; `ensure` lets the process run, for whoever has started it."""
        self._source = source
        self._address = address
        self._ensure = ensure
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def served_models(self) -> tuple[str, ...]:
        """The names of all models with a champion."""
        return tuple(self._ask("served_models"))

    def find(self, name: str, alias: str) -> ModelVersion | None:
        """The version that an alias points to."""
        found = self._ask("find", name, alias)
        return None if found is None else ModelVersion.model_validate(found)

    def standing(self, name: str) -> Standing:
        """What there is of a model beside its versions."""
        return Standing.model_validate(self._ask("standing", name))

    def download(self, version: ModelVersion, folder: Path, *, is_wanted: Callable[[], bool]) -> None:
        """Bring every file of a version into an empty folder, for as long as it is wanted."""
        source = self._source
        download.run(version, folder, uri=source.uri, account=source.account, limits=source.limits, is_wanted=is_wanted)

    def _ask(self, question: str, *arguments: str) -> Any:
        with self._lock:
            content = None
            try:
                if self._connection is None:
                    self._ensure()
                    self._connection = Client(self._address)
                self._connection.send_bytes(json.dumps([question, *arguments]).encode())
                if self._connection.poll(QUESTION_SECONDS):
                    content = self._connection.recv_bytes()
            except (EOFError, OSError):
                content = None
            if content is None:
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                raise RegistryUnavailable(self._source.uri, "the process that asks it has ended, or hangs")
        answer = json.loads(content)
        if "error" in answer:
            kind = _KINDS.get(answer["kind"], RegistryError)
            error = kind.__new__(kind)
            Exception.__init__(error, answer["error"])
            raise error
        return answer["result"]


def work(task: dict[str, Any]) -> None:
    """Be the process: answer whoever connects, each in a thread."""
    with Listener(task["address"], family="AF_UNIX", backlog=16) as listener:
        os.write(1, b"listens\n")
        registry = _Lazy(task)
        while True:
            connection = listener.accept()
            threading.Thread(target=_answer, args=(connection, registry), daemon=True).start()


class _Lazy:
    """MLflow's registry, made with the first question."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._task = task
        self._lock = threading.Lock()
        self._registry: Any = None

    def get(self) -> Any:
        with self._lock:
            if self._registry is None:
                from mlyard_model_api.serving.registry import MlflowRegistry

                name, password = self._task.get("username"), self._task.get("password")
                account = Account(username=name, password=SecretStr(password)) if name and password else None
                self._registry = MlflowRegistry(self._task["uri"], account=account)
            return self._registry


def _answer(connection: Connection, registry: _Lazy) -> None:
    with connection, suppress(EOFError, OSError):
        while True:
            question, *arguments = json.loads(connection.recv_bytes())
            try:
                found = getattr(registry.get(), question)(*arguments)
                answer = {
                    "result": found.model_dump(mode="json") if isinstance(found, (ModelVersion, Standing)) else found
                }
            except RegistryError as error:
                kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in _KINDS)
                answer = {"error": str(error)[:2000], "kind": kind}
            connection.send_bytes(json.dumps(answer).encode())


def _end_with_parent(address: str) -> None:
    sys.stdin.buffer.read()  # nothing more is sent: it returns when the parent has ended
    shutil.rmtree(Path(address).parent, ignore_errors=True)
    os._exit(0)


def main() -> None:
    """Read the task, and answer until the parent ends."""
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, args=(task["address"],), daemon=True).start()
    work(task)


if __name__ == "__main__":
    main()
