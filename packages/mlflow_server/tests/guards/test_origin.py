import asyncio

import pytest
from mlyard_mlflow_server.guards.origin import own_origin_only

from ..servers import Server
from .calls import Application, call

HOST = ("Host", "localhost:5000")
WRITES = ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"]


def status(method: str, *headers: tuple[str, str], path: str = "/api/2.0/mlflow/runs/create") -> int:
    allowed = ["https://notebooks.example.com", "https://*.internal.example"]
    return asyncio.run(call(own_origin_only(Application(), allowed), method, path, *headers)).status


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        pytest.param("localhost:5000", "http://localhost:5000", id="as-it-is"),
        pytest.param("localhost:15000", "http://localhost:15000", id="published-at-another-port"),
        pytest.param("mlflow", "http://mlflow", id="port-80"),
        pytest.param("mlflow:80", "http://mlflow", id="port-80-said-by-one"),
        pytest.param("mlflow", "https://mlflow", id="behind-tls"),
        pytest.param("[::1]:5000", "http://[::1]:5000", id="ipv6"),
        pytest.param("MLflow:5000", "http://mlflow:5000", id="names-have-no-case"),
    ],
)
def test_its_own_page_writes(host: str, origin: str) -> None:
    assert status("POST", ("Host", host), ("Origin", origin), ("Sec-Fetch-Site", "same-origin")) == 200


def test_a_program_writes() -> None:
    assert status("POST", HOST) == 200


@pytest.mark.parametrize("origin", ["https://notebooks.example.com", "https://a.internal.example"])
def test_a_page_of_an_allowed_origin_writes(origin: str) -> None:
    assert status("POST", HOST, ("Origin", origin), ("Sec-Fetch-Site", "cross-site")) == 200


FOREIGN = {
    "another-port": [("Origin", "http://localhost:9999")],
    "no-port": [("Origin", "http://localhost")],
    "another-name-of-this-machine": [("Origin", "http://127.0.0.1:5000")],
    "another-host": [("Origin", "https://example.com")],
    "a-longer-name": [("Origin", "http://localhost.example.com:5000")],
    "an-account-that-looks-like-the-host": [("Origin", "http://localhost:5000@example.com")],
    "an-account": [("Origin", "http://me@localhost:5000")],
    "a-path": [("Origin", "http://localhost:5000/page")],
    "sandboxed": [("Origin", "null")],
    "empty": [("Origin", "")],
    "a-file": [("Origin", "file://")],
    "an-extension": [("Origin", "chrome-extension://localhost:5000")],
    "not-a-port": [("Origin", "http://localhost:http")],
    "two-origins": [("Origin", "http://localhost:5000"), ("Origin", "https://example.com")],
    "two-hosts": [("Host", "example.com"), ("Origin", "http://localhost:5000")],
    "only-the-site-is-told": [("Sec-Fetch-Site", "cross-site")],
    "a-neighbour-of-the-site": [("Sec-Fetch-Site", "same-site")],
    "almost-allowed": [("Origin", "https://notebooks.example.com.evil.example")],
}


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_page_does_not_write(method: str, headers: list[tuple[str, str]]) -> None:
    for path in ("/api/2.0/mlflow/runs/create", "/graphql", "/v1/traces", "/anything"):
        assert status(method, HOST, *headers, path=path) == 403


def test_the_refusal_names_the_page_and_the_setting() -> None:
    app = own_origin_only(Application(), [])
    refused = asyncio.run(call(app, "POST", "/graphql", HOST, ("Origin", "http://localhost:9999"))).error
    assert refused["error_code"] == "PERMISSION_DENIED"
    assert "'http://localhost:9999'" in refused["message"]
    assert "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS" in refused["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_mlflow_grants_a_foreign_page_nothing_since_it_sees_no_origin(
    method: str, headers: list[tuple[str, str]]
) -> None:
    app = Application()
    assert asyncio.run(call(own_origin_only(app, []), method, "/", HOST, *headers)).status == 200
    assert app.header("origin") == []


def test_a_host_that_mlflow_could_not_read_is_refused(server: Server) -> None:
    refused = server.request("GET", "/", headers={"Host": b"\xff\xfe"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "BAD_REQUEST")


CREATE = "/ajax-api/2.0/mlflow/experiments/create"


@pytest.mark.parametrize(
    "origin", ["http://localhost:9999", "http://mlflow.example.com", "https://example.com", "null"]
)
def test_a_real_server_refuses_to_be_written_to_and_read(origin: str, server: Server) -> None:
    headers = {"Origin": origin, "Host": f"localhost:{server.port}"}
    assert server.request("POST", CREATE, headers=headers, json={"name": "foreign"}).status_code == 403
    assert "foreign" not in server.experiments()
    read = server.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1", headers=headers)
    assert read.headers.get("Access-Control-Allow-Origin") != origin
    asked = server.request("OPTIONS", CREATE, headers={**headers, "Access-Control-Request-Method": "POST"})
    assert asked.headers.get("Access-Control-Allow-Origin") != origin


@pytest.mark.parametrize("name", ["localhost", "mlflow:80", "tracking.example.com:8443", "a.internal.example"])
def test_a_real_servers_own_page_writes_under_every_name_and_port(name: str, server: Server) -> None:
    headers = {"Origin": f"http://{name}", "Host": name, "Sec-Fetch-Site": "same-origin"}
    search = server.request("POST", "/ajax-api/2.0/mlflow/experiments/search", headers=headers, json={"max_results": 1})
    assert search.status_code == 200, search.text


def test_signing_in_does_not_let_a_foreign_page_in(signed_in: Server) -> None:
    headers = {"Origin": "http://localhost:9999"}
    for account in (None, "pipeline", "admin"):
        refused = signed_in.request("POST", CREATE, account=account, headers=headers, json={"name": "foreign"})
        assert refused.status_code == 403
