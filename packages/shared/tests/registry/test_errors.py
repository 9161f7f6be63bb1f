import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlyard_shared.errors import (
    ModelNotFound,
    RegistryDenied,
    RegistryError,
    RegistryUnavailable,
    SettingsError,
)
from mlyard_shared.registry import Registry, history, promote
from mlyard_shared.registry.errors import translated, without_password

HTML = "<!doctype html>\n<title>{0}</title>\n<h1>{0}</h1>\n<p>Traceback (most recent call last):\n"


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that has one answer to everything; its URI."""

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - as the base class looks them up

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


CALLS: dict[str, Callable[[Registry], object]] = {
    "served_models": lambda registry: registry.served_models(),
    "find": lambda registry: registry.find("churn", "champion"),
    "version": lambda registry: registry.version("churn", 1),
    "promote": lambda registry: promote(registry, "churn", 1, actor="ann", reason="better"),
    "history": lambda registry: history(registry, "churn"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        pytest.param(
            403,
            "Invalid Host header - possible DNS rebinding attack detected",
            RegistryDenied,
            "refuses requests by this name: add it to the server's allowed hosts",
            id="host check",
        ),
        pytest.param(403, "Permission denied", RegistryDenied, "this account lacks the permission", id="403 text"),
        pytest.param(403, HTML.format("Forbidden"), RegistryDenied, "lacks the permission", id="403 page"),
        pytest.param(
            403, '{"error_code": "PERMISSION_DENIED", "message": "no"}', RegistryDenied, "lacks", id="403 of MLflow"
        ),
        pytest.param(401, HTML.format("Who?"), RegistryDenied, "does not know this account", id="401 page"),
        pytest.param(
            401,
            '{"error_code": "UNAUTHENTICATED", "message": "no"}',
            RegistryDenied,
            "does not know",
            id="401 of MLflow",
        ),
        pytest.param(
            404, HTML.format("Not Found"), RegistryError, "answers 404; is it an MLflow server", id="404 page"
        ),
        pytest.param(200, HTML.format("Hello"), RegistryError, "is it an MLflow server", id="a web site"),
        pytest.param(500, HTML.format("Oops"), RegistryUnavailable, "it answers 500", id="500 page"),
        pytest.param(502, HTML.format("Bad Gateway"), RegistryUnavailable, "it answers 502", id="502 page"),
        pytest.param(503, "", RegistryUnavailable, "it answers 503", id="503"),
        pytest.param(429, "slow down", RegistryUnavailable, "it answers 429", id="429"),
    ],
)
def test_what_a_server_answers_becomes_one_line_of_ours(
    call: Callable[[Registry], object], status: int, body: str, kind: type[RegistryError], message: str
) -> None:
    with answering(status, body) as uri:
        with pytest.raises(RegistryError) as caught:
            call(Registry(uri))
        assert type(caught.value) is kind
        assert message in str(caught.value)
        assert uri in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "Traceback" not in str(caught.value)


def test_no_server_is_said_within_seconds() -> None:
    start = time.monotonic()
    with pytest.raises(
        RegistryUnavailable, match=r"no answer from the registry at http://127\.0\.0\.1:9: Conn\w+ refused$"
    ):
        Registry("http://127.0.0.1:9").served_models()
    assert time.monotonic() - start < 10


def test_a_name_that_nobody_knows_is_said_so() -> None:
    with pytest.raises(RegistryUnavailable, match=r"the name registry\.invalid is unknown$"):
        Registry("http://registry.invalid:5000").served_models()


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
        uri = f"http://127.0.0.1:{silent.server_port}"
        with pytest.raises(RegistryUnavailable, match="it did not answer in time"):
            Registry(uri).served_models()


@pytest.mark.parametrize("uri", ["", "ftp://x", "http://", "http://[::1", "http://host:port", "not a uri"])
def test_what_is_not_an_address_is_a_wrong_setting(uri: str) -> None:
    with pytest.raises(
        SettingsError, match=r"is not an address of a registry: give one such as http://127\.0\.0\.1:5000"
    ):
        Registry(uri)


def test_no_message_holds_the_password_of_the_address() -> None:
    with answering(404, HTML.format("Not Found")) as uri:
        address = uri.replace("//", "//ann:s3cret@")
        with pytest.raises(RegistryError) as caught:
            Registry(address).served_models()
        assert "s3cret" not in str(caught.value)
        assert uri in str(caught.value)
    assert without_password("http://ann:s3cret@host/a@b") == "http://host/a@b"


@pytest.mark.parametrize("named", ["127.0.0.1", "10.0.0.0/8,localhost,127.0.0.1,.internal", "*"])
def test_a_proxy_does_not_come_between_where_the_host_is_named(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, named)
    body = '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model with name=churn not found"}'
    with answering(404, body) as uri:
        assert Registry(uri).find("churn", "champion") is None


def test_a_missing_model_is_not_a_missing_server() -> None:
    body = '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model with name=churn not found"}'
    with answering(404, body) as uri:
        assert Registry(uri).find("churn", "champion") is None
        with pytest.raises(ModelNotFound, match="model 'churn' has no version 3"):
            Registry(uri).version("churn", 3)


def test_an_answer_of_many_lines_is_cut_to_its_gist() -> None:
    body = '{"error_code": "INVALID_STATE", "message": "line one\\nline two ' + "x" * 1000 + '"}'
    with answering(400, body) as uri:
        with pytest.raises(RegistryError, match=r"answered: line one line two x+…$") as caught:
            Registry(uri).served_models()
        assert len(str(caught.value)) < 400


FULL = "the volume of the artifacts (/data/artifacts) is full: free space there, then send this again"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_full_volume_of_the_registry_is_told_in_its_own_words(call: Callable[[Registry], object]) -> None:
    with answering(507, f'{{"error_code": "RESOURCE_EXHAUSTED", "message": "{FULL}"}}') as uri:
        with pytest.raises(RegistryError, match="has no room: the volume of the artifacts") as caught:
            call(Registry(uri))
        assert not isinstance(caught.value, RegistryUnavailable), "trying again does not help"
        assert str(caught.value) == f"the registry at {uri} has no room: {FULL}"


def test_a_file_that_a_full_volume_refused_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("x")
    with answering(507, f'{{"error_code": "RESOURCE_EXHAUSTED", "message": "{FULL}"}}') as uri:
        repository: Any = get_artifact_repository(f"{uri}/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts")
        with pytest.raises(RegistryError) as caught, translated(uri):
            repository.log_artifact(str(tmp_path / "model"))
        assert str(caught.value) == f"the registry at {uri} has no room: {FULL}"


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        pytest.param("[Errno 28] No space left on device: '/tmp/m/model'", "(its disk is full)", id="full"),
        pytest.param("[Errno 28] No space left on device", "(its disk is full)", id="full, no file"),
        pytest.param("[Errno 13] Permission denied: '/tmp/m/model'", "may not): let the user", id="denied"),
        pytest.param("[Errno 30] Read-only file system: '/tmp/m/model'", "mounted read-only", id="read-only"),
    ],
)
def test_a_download_that_failed_here_names_what_is_wrong_here(failure: str, sentence: str) -> None:
    listing = f"The following failures occurred while downloading one or more artifacts:\n##### File a #####\n{failure}"
    with pytest.raises(RegistryError) as caught, translated("http://r:5000"):
        raise MlflowException(listing)
    assert str(caught.value).startswith("cannot write /tmp")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        pytest.param("('Connection broken: IncompleteRead(0 bytes read)')", RegistryUnavailable, id="cut off"),
        pytest.param("HTTPSConnectionPool(host='r', port=5000): Read timed out.", RegistryUnavailable, id="too slow"),
        pytest.param("403 Client Error: Forbidden for url: http://r:5000/a", RegistryDenied, id="forbidden"),
        pytest.param("503 Server Error: Service Unavailable", RegistryUnavailable, id="unavailable"),
        pytest.param("[Errno 28] No space left on device", RegistryError, id="disk full"),
    ],
)
def test_a_download_that_failed_says_whose_fault_it_was(failure: str, kind: type[RegistryError]) -> None:
    listing = f"The following failures occurred while downloading one or more artifacts:\n##### File a #####\n{failure}"
    with pytest.raises(RegistryError) as caught, translated("http://r:5000"):
        raise MlflowException(listing)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_file_of_our_own_that_cannot_be_read_is_not_the_servers_fault(tmp_path: Path) -> None:
    caught = pytest.raises(RegistryError, match=r"cannot read or write .*none \(there is no such file")
    with caught as error, translated("http://127.0.0.1:5000"):
        (tmp_path / "none").read_bytes()
    assert not isinstance(error.value, RegistryUnavailable)
