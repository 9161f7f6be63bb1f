import asyncio

import pytest
from mlyard_training_pipeline.orchestration.guards.origin import own_origin_only

from .calls import Application, call

HOST = ("Host", "localhost:8080")
FRIEND = "https://portal.example.com"


def status(method: str, *headers: tuple[str, str]) -> int:
    app = own_origin_only(Application(right=""), [FRIEND])
    return asyncio.run(call(app, method, "/api/v2/dags/houses/dagRuns", *headers, body=b"{}")).status


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        pytest.param("localhost:8080", "http://localhost:8080", id="as it is"),
        pytest.param("airflow:80", "http://airflow", id="port 80 said by one"),
        pytest.param("airflow.example.com", "https://airflow.example.com", id="behind TLS"),
        pytest.param("[::1]:8080", "http://[::1]:8080", id="IPv6"),
        pytest.param("Airflow:8080", "http://airflow:8080", id="names have no case"),
        pytest.param("localhost:8080", FRIEND, id="allowed"),
    ],
)
def test_its_own_page_and_an_allowed_one_write(host: str, origin: str) -> None:
    assert status("POST", ("Host", host), ("Origin", origin)) == 201


def test_a_program_writes() -> None:
    assert status("POST", HOST) == 201


FOREIGN = {
    "another port": [("Origin", "http://localhost:9999")],
    "no port": [("Origin", "http://localhost")],
    "another name of this machine": [("Origin", "http://127.0.0.1:8080")],
    "another host": [("Origin", "https://example.com")],
    "a longer name": [("Origin", "http://localhost.example.com:8080")],
    "an account that looks like the host": [("Origin", "http://localhost:8080@example.com")],
    "sandboxed": [("Origin", "null")],
    "empty": [("Origin", "")],
    "a file": [("Origin", "file://")],
    "not a port": [("Origin", "http://localhost:http")],
    "two origins": [("Origin", "http://localhost:8080"), ("Origin", "https://example.com")],
    "two hosts": [("Host", "example.com"), ("Origin", "http://localhost:8080")],
    "only the site is told": [("Sec-Fetch-Site", "cross-site")],
    "a neighbour of the site": [("Sec-Fetch-Site", "same-site")],
}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"])
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_page_of_another_origin_does_not_write(method: str, headers: list[tuple[str, str]]) -> None:
    assert status(method, HOST, *headers) == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_let_through(method: str) -> None:
    assert status(method, HOST, ("Origin", "http://localhost:9999")) == 201
