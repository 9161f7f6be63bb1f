"""Downloads in processes of their own, from servers that hang, drip, send for ever, or break off."""

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mlyard_model_api.serving import download
from mlyard_model_api.serving.download import DownloadFailed, Limits
from mlyard_shared.registry import ModelVersion

from ..versions import WHEN

VERSION = ModelVersion(
    name="diabetes", version=1, manifest_sha256="a" * 64, gate_report=None, run_id="run", created_at=WHEN
)
API = "/api/2.0/mlflow"
Send = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as MLflow does for one version with one file, whose content `send` sends."""

    server: "Server"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == f"{API}/model-versions/get-download-uri":
            self.answer({"artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts"})
        elif parts.path == f"{API}/registered-models/get":
            self.answer({"registered_model": {"name": "diabetes"}})
        elif parts.path == f"{API}-artifacts/artifacts":
            folder = parse_qs(parts.query).get("path", [""])[0]
            found = {"path": "model.skops", "is_dir": False, "file_size": 10}
            self.answer({"files": [found] if folder.endswith("artifacts") else []})
        elif parts.path.startswith(f"{API}-artifacts/artifacts/"):
            self.server.was_asked.set()
            with suppress(ConnectionError):
                self.server.send(self)
        else:
            self.answer({})

    def answer(self, document: Any) -> None:
        content = json.dumps(document).encode()
        self.begin(len(content))
        self.wfile.write(content)

    def begin(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    send: Send
    was_asked: threading.Event
    stopping: threading.Event


@contextmanager
def serving(send: Send) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.send, server.was_asked, server.stopping = send, threading.Event(), threading.Event()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()


def good(handler: Handler) -> None:
    handler.begin(5)
    handler.wfile.write(b"model")


def hang(handler: Handler) -> None:
    handler.server.stopping.wait(60)


def drip(handler: Handler) -> None:
    handler.begin(1_000_000)
    while not handler.server.stopping.wait(0.2):
        handler.wfile.write(b".")


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.stopping.wait(0.2):
        handler.wfile.write(b"X-More: 1\r\n")


def flood(handler: Handler) -> None:
    handler.begin(10**12)
    while not handler.server.stopping.is_set():
        handler.wfile.write(bytes(10**6))


def lie(handler: Handler) -> None:
    """Send without an end, and without saying how much."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.stopping.is_set():
        handler.wfile.write(bytes(10**6))


def break_off(handler: Handler) -> None:
    handler.begin(1_000_000)
    handler.wfile.write(b"model")
    handler.connection.shutdown(socket.SHUT_RDWR)


def fetch(server: Server, folder: Path, *, seconds: float = 60, size: int = 10**9) -> None:
    folder.mkdir()
    uri = f"http://127.0.0.1:{server.server_port}"
    download.run(VERSION, folder, uri=uri, account=None, limits=Limits(seconds, size))


def test_the_files_of_a_version_arrive(tmp_path: Path) -> None:
    with serving(good) as server:
        fetch(server, tmp_path / "v")
    assert (tmp_path / "v" / "model.skops").read_bytes() == b"model"


@pytest.mark.parametrize(
    "slow",
    [pytest.param((drip,), id="one"), pytest.param((hang, drip, drip_headers), id="several", marks=pytest.mark.long)],
)
def test_downloads_that_take_too_long_are_stopped_at_the_same_time(tmp_path: Path, slow: tuple[Send, ...]) -> None:
    def stopped(send: Send) -> str:
        return _stopped(send, tmp_path / send.__name__, seconds=5)

    with ThreadPoolExecutor() as threads:
        told = set(threads.map(stopped, slow))
    assert told == {"its files did not arrive in time (MLYARD_MODEL_API_DOWNLOAD_SECONDS)"}


def _stopped(send: Send, folder: Path, *, seconds: float) -> str:
    """What is said of a download in whose middle the time is over, without the seconds."""
    started = time.monotonic()
    with serving(send) as server:
        with pytest.raises(DownloadFailed) as caught:
            fetch(server, folder, seconds=seconds)
        assert time.monotonic() - started < seconds + 4
        if not server.was_asked.is_set():
            # On a busy machine the process itself takes that long to begin.
            assert seconds < 60
            return _stopped(send, folder.with_name(f"{folder.name}-again"), seconds=4 * seconds)
        return str(caught.value).replace(f"within {seconds:g} s", "in time")


def test_a_download_that_nobody_wants_any_more_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    with serving(drip) as server:
        uri = f"http://127.0.0.1:{server.server_port}"
        limits, is_wanted = Limits(60, 10**9), lambda: not server.was_asked.is_set()
        with pytest.raises(DownloadFailed, match="another version is to serve by now"):
            download.run(VERSION, tmp_path / "v", uri=uri, account=None, limits=limits, is_wanted=is_wanted)


@pytest.mark.parametrize("send", [pytest.param(flood, marks=pytest.mark.long), lie], ids=lambda send: send.__name__)
def test_a_download_that_is_too_large_is_stopped(tmp_path: Path, send: Send) -> None:
    told = r"larger than 10 MiB together \(MLYARD_MODEL_API_DOWNLOAD_BYTES\)"
    with serving(send) as server, pytest.raises(DownloadFailed, match=told):
        fetch(server, tmp_path / "v", size=10 * 1024**2)
    assert sum(file.stat().st_size for file in (tmp_path / "v").rglob("*")) < 10**9


def test_a_registry_that_breaks_off_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with serving(break_off) as server, pytest.raises(DownloadFailed, match="no answer from the registry") as caught:
        fetch(server, tmp_path / "v")
    assert caught.value.is_away
