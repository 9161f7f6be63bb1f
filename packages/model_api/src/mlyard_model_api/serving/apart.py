"""A scikit-learn pipeline in a process of its own, where its Python delays nothing but its own answers.

Most of a pipeline's time for few rows is Python, which lets no other thread run meanwhile: at full load one slow model
would hold up every other, and the answers to health checks. `python -m mlyard_model_api.serving.apart` is that process.
It ends with the engine that it belongs to, and is started again where it has ended.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.engines import Engine, EngineName, Output, SkopsEngine, check_scikit_learn
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.features import Array
from mlyard_shared.manifest import MANIFEST_FILE, Manifest, parse_manifest

from mlyard_model_api.serving import memory

START_SECONDS = 120.0
_KILLED_FIRST = "500"
"""Where memory is short, the kernel ends this process rather than the API, which starts it again."""


class EngineFailed(Exception):
    """The pipeline raised an error, or its process ended."""


def start(file: Path, manifest: Manifest, *, no_twin: str) -> Engine:
    """Start the process of a pipeline; raises `ModelVersionRefused` where it cannot be loaded."""
    return EngineApart(file, manifest, no_twin=no_twin)


class EngineApart:
    """The pipeline, for this process."""

    name: EngineName = "skops"

    def __init__(self, file: Path, manifest: Manifest, *, no_twin: str) -> None:
        """Start the process; raises `ModelVersionRefused` where the pipeline cannot be loaded."""
        self.reason = check_scikit_learn(manifest, no_twin=no_twin)
        self._file = file
        self._lock = threading.Lock()
        self._process = _Process(file)
        weakref.finalize(self, _Process.end, self._process)

    def predict(self, columns: Mapping[str, Array]) -> Output:
        """Answer for n rows; raises `EngineFailed`."""
        with self._lock:
            try:
                if not self._process.runs:
                    self._process.start()
                return _read_output(self._process.ask(_columns(columns)))
            except ModelVersionRefused as error:
                raise EngineFailed(f"its process could not be started again: {error}") from None


class _Process:
    """The process, and the connection to it. Not for several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def runs(self) -> bool:
        return self._connection is not None

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno()), str(self._file)]
            # In a session of its own it gets no Ctrl-C that is meant for this process.
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._connection = Connection(ours.detach())
        if not self._connection.poll(START_SECONDS):
            self.end()
            raise ModelVersionRefused(f"its process was not ready after {START_SECONDS:g} s")
        refused = json.loads(self._receive()).get("refused")
        if refused is not None:
            self.end()
            raise ModelVersionRefused(refused)

    def ask(self, parts: list[bytes]) -> list[bytes]:
        assert self._connection is not None  # noqa: S101 - it is asked only while it runs
        try:
            for part in parts:
                self._connection.send_bytes(part)
            header = self._connection.recv_bytes()
            arrays = [self._connection.recv_bytes() for _ in json.loads(header).get("arrays", ())]
        except (EOFError, OSError):
            raise EngineFailed(f"its process ended{self._why()}, and is started again") from None
        return [header, *arrays]

    def end(self) -> None:
        """End it; it holds nothing that would be lost."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _receive(self) -> bytes:
        assert self._connection is not None  # noqa: S101 - it has just been made
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            raise ModelVersionRefused(
                f"its process ended while it was loaded{self._why()}; "
                f"memory is limited to {memory.shown(memory.limit())}"
            ) from None

    def _why(self) -> str:
        process = self._process
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if process is None:
            return ""
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()
        return f" (exit code {process.wait()})"


def work(descriptor: int, file: Path) -> None:
    """Be the process: load the pipeline, and answer until the other end is closed."""
    with suppress(OSError):  # on another system the kernel chooses by itself
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)
    with Connection(descriptor) as connection:
        try:
            engine = SkopsEngine(file, parse_manifest((file.parent / MANIFEST_FILE).read_bytes()), no_twin="")
        except ModelVersionRefused as error:
            connection.send_bytes(json.dumps({"refused": str(error)[:1000]}).encode())
            return
        except MemoryError:
            told = f"it needs more memory than the {memory.shown(memory.limit())} that there are"
            connection.send_bytes(json.dumps({"refused": told}).encode())
            return
        connection.send_bytes(b"{}")
        with suppress(EOFError, OSError):
            while True:
                for part in _answer(engine, connection):
                    connection.send_bytes(part)


def _answer(engine: Engine, connection: Connection) -> list[bytes]:
    header = json.loads(connection.recv_bytes())
    columns = {name: _read_column(kind, connection.recv_bytes()) for name, kind in header["columns"]}
    try:
        predictions, probabilities = engine.predict(columns)
    # The library raises what it likes.
    except Exception as error:  # noqa: BLE001
        return [json.dumps({"failed": f"{type(error).__name__}: {error}"[:1000]}).encode()]
    if predictions.dtype == object:  # of texts, which no such model answers
        return [json.dumps({"failed": "its answer is not of numbers"}).encode()]
    arrays = [predictions] if probabilities is None else [predictions, probabilities]
    described = [[array.dtype.str, array.shape] for array in arrays]
    return [json.dumps({"arrays": described}).encode(), *(array.tobytes() for array in arrays)]


def _columns(columns: Mapping[str, Array]) -> list[bytes]:
    """Columns as bytes: what they are, then each."""
    arrays = [(name, columns[name]) for name in columns]
    header = {"columns": [[name, "" if array.dtype == object else array.dtype.str] for name, array in arrays]}
    return [json.dumps(header).encode(), *(_column(array) for _, array in arrays)]


def _column(array: Array) -> bytes:
    return json.dumps(array.tolist()).encode() if array.dtype == object else array.tobytes()


def _read_column(kind: str, content: bytes) -> Array:
    if kind:
        return np.frombuffer(content, dtype=kind)
    texts = json.loads(content)
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result


def _read_output(parts: list[bytes]) -> Output:
    header: dict[str, Any] = json.loads(parts[0])
    if "failed" in header:
        raise EngineFailed(header["failed"])
    arrays = [
        np.frombuffer(content, dtype=kind).reshape(shape)
        for content, (kind, shape) in zip(parts[1:], header["arrays"], strict=True)
    ]
    return Output(arrays[0], arrays[1] if len(arrays) > 1 else None)


if __name__ == "__main__":
    work(int(sys.argv[1]), Path(sys.argv[2]))
    os._exit(0)
