import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlyard_shared.errors import ArtifactMissing, RegistryDenied, RegistryError, RegistryUnavailable
from mlyard_shared.registry import Registry, artifacts

LOCATION = "mlflow-artifacts:/1/run/artifacts/pipeline.skops"
LISTED = [{"path": "pipeline.skops", "is_dir": False, "file_size": 3}]
Stored = Callable[..., AbstractContextManager[str]]


@contextmanager
def storing(*, file: tuple[int, str], listing: tuple[int, str]) -> Iterator[str]:
    """A server with one answer for a file and one for a listing; its URI."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = listing if "?path=" in self.path else file
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def files(*entries: dict[str, object]) -> tuple[int, str]:
    return 200, json.dumps({"files": entries})


def fetch(uri: str, folder: Path) -> Path:
    Registry(uri)
    return artifacts.fetch(LOCATION, folder, uri=uri, what="pipeline.skops of run 7")


@pytest.mark.parametrize("status", [404, 500], ids=["as a folder's server says it", "as a bucket's server says it"])
def test_a_file_that_is_not_listed_is_missing_whatever_its_store_answers(status: int, tmp_path: Path) -> None:
    with storing(file=(status, "Oops"), listing=files()) as uri:
        with pytest.raises(ArtifactMissing, match=rf"^the registry at {uri} has lost pipeline\.skops of run 7$"):
            fetch(uri, tmp_path)
        assert not artifacts.exists(LOCATION, uri=uri)


@pytest.mark.parametrize(
    ("file", "listing", "kind", "message"),
    [
        pytest.param((500, "Oops"), files(*LISTED), RegistryUnavailable, "it answers 500", id="a store in trouble"),
        pytest.param((500, "Oops"), (500, "Oops"), RegistryUnavailable, "it answers 500", id="a server in trouble"),
        pytest.param((503, ""), (503, ""), RegistryUnavailable, "it answers 503", id="a server that starts"),
        pytest.param((404, "<h1>?</h1>"), (404, "<h1>?</h1>"), RegistryError, "is it an MLflow server", id="another"),
        pytest.param((403, "no"), files(), RegistryDenied, "lacks the permission", id="a refusal"),
        pytest.param((401, "who?"), (401, "who?"), RegistryDenied, "does not know this account", id="a stranger"),
    ],
)
def test_a_failure_that_is_not_a_missing_file_is_not_taken_for_one(
    file: tuple[int, str], listing: tuple[int, str], kind: type[RegistryError], message: str, tmp_path: Path
) -> None:
    with storing(file=file, listing=listing) as uri, pytest.raises(RegistryError, match=message) as caught:
        fetch(uri, tmp_path)
    assert type(caught.value) is kind


def test_a_registry_that_is_away_has_lost_nothing(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable):
        fetch("http://127.0.0.1:9", tmp_path)


def test_a_file_that_is_there_is_fetched(tmp_path: Path) -> None:
    with storing(file=(200, "abc"), listing=files()) as uri:
        assert fetch(uri, tmp_path).read_text() == "abc"


def test_no_message_about_a_lost_file_holds_the_password_of_the_address(tmp_path: Path) -> None:
    with storing(file=(404, ""), listing=files()) as uri:
        with pytest.raises(ArtifactMissing) as caught:
            fetch(uri.replace("//", "//ann:s3cret@"), tmp_path)
        assert "s3cret" not in str(caught.value)
