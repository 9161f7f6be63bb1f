"""Predictions on a real socket: the shortcut answers what the long way does, and nothing is slower than its work."""

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mlyard_model_api.app import create_app
from mlyard_model_api.protocols import arrow
from mlyard_model_api.server import listen
from mlyard_model_api.settings import Settings
from mlyard_model_api.transport.connection import connections
from mlyard_model_api.transport.shared import Limits

from ..conftest import KEY, until
from ..fake_registry import FakeRegistry
from ..versions import NUMBERS, PENGUIN, line, write_slow, write_version

pytestmark = pytest.mark.anyio
LIMITS = Limits(headers=5, idle=5, unread=2**20)
GOOD = json.dumps({"rows": [PENGUIN]}).encode()
STEEP = b'{"columns": {"a": [1, 1e30]}}'


@pytest.fixture(autouse=True)
def promoted(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.promote("penguins", 1)
    digest = write_version(tmp_path / "steep", line(1e300), name="steep", schema=NUMBERS, classes=())
    registry.register("steep", 1, tmp_path / "steep", digest)
    registry.register("echo", 1, tmp_path / "echo", write_slow(tmp_path / "echo", 1, name="echo"))
    for name in ("steep", "echo"):
        registry.promote(name, 1)


@asynccontextmanager
async def listening(settings: Settings, registry: FakeRegistry, *, has_shortcut: bool) -> AsyncIterator[int]:
    """The API on a socket; yields its port."""
    app = create_app(settings, registry=registry)
    http: Any = connections(LIMITS, shortcut=app.shortcut if has_shortcut else None, broken=app.broken)
    server = uvicorn.Server(uvicorn.Config(app, http=http, log_config=None, server_header=False))
    with listen(settings.model_copy(update={"port": 0})) as listener:
        serving = asyncio.create_task(server._serve([listener]))
        port = int(listener.getsockname()[1])
        try:
            await until(partial(ready, port))
            yield port
        finally:
            server.should_exit = True
            await serving


async def ready(port: int) -> bool:
    try:
        return (await ask(port, b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))[0] == 200
    except OSError:
        return False


def request(body: bytes, path: str = "/models/penguins/predict", *headers: str, key: str = KEY) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", *headers]
    if not any(header.startswith("Content-Type") for header in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def ask(port: int, content: bytes) -> tuple[int, list[str], bytes]:
    """Status, headers and body of one answer, without what differs each time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        return await answer_of(reader)
    finally:
        writer.close()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, list[str], bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
    length = next((int(line.split(":")[1]) for line in head if line.startswith("content-length")), 0)
    body = await reader.readexactly(length)
    headers = [line for line in head[1:] if line and not line.startswith(("date", "x-request-id"))]
    identity = next((line.partition(": ")[2] for line in head if line.startswith("x-request-id")), "none")
    assert b"urn:mlyard:request:" not in body or identity.encode() in body
    body = re.sub(rb'"id":"[^"]+"', b'"id":""', body.replace(identity.encode(), b""))
    return int(head[0].split()[1]), sorted(headers), body


REQUESTS = {
    "a row": request(GOOD),
    "two rows": request(json.dumps({"rows": [PENGUIN, PENGUIN]}).encode()),
    "the default model": request(GOOD, "/predict"),
    "a version": request(GOOD, "/models/penguins/predict?version=1"),
    "an unknown version": request(GOOD, "/models/penguins/predict?version=7"),
    "a wrong query": request(GOOD, "/models/penguins/predict?version=x"),
    "an unknown model": request(GOOD, "/models/nobody/predict"),
    "an escaped path": request(GOOD, "/models/%70enguins/predict"),
    "a wrong key": request(GOOD, key="wrong"),
    "no JSON": request(b"{"),
    "a wrong column": request(b'{"rows": [{"bill": 1}]}'),
    "no row": request(b'{"rows": []}'),
    "no media type that is known": request(GOOD, "/models/penguins/predict", "Content-Type: text/plain"),
    "a coding": request(GOOD, "/models/penguins/predict", "Content-Encoding: br"),
    "nothing finite": request(STEEP, "/models/steep/predict"),
    "MLflow": request(b'{"dataframe_records": [{"a": 1}]}', "/models/echo/invocations"),
    "MLflow, wrong": request(b'{"dataframe_records": 1}', "/models/echo/invocations"),
    "V2": request(
        b'{"id": "7", "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [2]}]}',
        "/v2/models/echo/infer",
    ),
    "V2, wrong": request(b'{"inputs": []}', "/v2/models/echo/infer"),
    "live": b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    "ready": b"GET /health/ready?probe=1 HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\n\r\n",
    "ready, for pages": b"GET /health/ready HTTP/1.1\r\nHost: x\r\nOrigin: https://x\r\n\r\n",
    "live by POST": b"POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    "no health": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a body of ten thousand": request(json.dumps({"columns": {"a": [1.5] * 9_000}}).encode(), "/models/echo/predict"),
}


async def test_what_is_not_http_is_refused_in_the_form_of_its_address(
    settings: Settings, registry: FakeRegistry
) -> None:
    twice = "Content-Length: 2\r\nContent-Length: 3"
    wrong = ["Transfer-Encoding: gzip", twice, "A: " + "a" * 70_000, "A b: c"]
    async with listening(settings.model_copy(update={"path_prefix": "/ml"}), registry, has_shortcut=True) as port:
        for path, member in {
            "/v2/models/echo/infer": "error",
            "/ml/v2/models/echo/infer": "error",
            "/invocations": "error_code",
            "/ml/models/echo/invocations": "error_code",
            "/ml": "detail",
        }.items():
            for lines in wrong:
                content = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\n{lines}\r\n\r\n"
                status, _, body = await ask(port, content.encode())
                document = json.loads(body)
                assert status in (400, 431)
                assert isinstance(document[member], str), (path, lines)


async def test_a_body_that_is_said_to_be_too_large_is_refused_before_it_comes(
    settings: Settings, registry: FakeRegistry
) -> None:
    async with listening(settings, registry, has_shortcut=True) as port:
        for path in ("/models/penguins/predict", "/v2/models/penguins/infer", "/v2/repository/index"):
            asked = request(b"", path).replace(b"Content-Length: 0", b"Content-Length: 20000000")
            started = time.monotonic()
            assert (await ask(port, asked))[0] == 413, path
            assert time.monotonic() - started < 2


async def test_the_shortcut_answers_what_the_long_way_does(settings: Settings, registry: FakeRegistry) -> None:
    found: list[dict[str, Any]] = []
    for has_shortcut in (True, False):
        async with listening(settings, registry, has_shortcut=has_shortcut) as port:
            found.append({name: await ask(port, content) for name, content in REQUESTS.items()})
    for name in REQUESTS:
        assert found[0][name] == found[1][name], name
    statuses = {name: status for name, (status, _, _) in found[0].items()}
    assert statuses["a row"] == statuses["a version"] == statuses["MLflow"] == statuses["V2"] == 200
    assert [statuses[name] for name in ("live", "ready", "live by POST", "no health")] == [200, 200, 405, 404]
    assert {statuses["a wrong key"], statuses["no JSON"], statuses["nothing finite"]} == {401, 400, 422}


@pytest.mark.parametrize("has_shortcut", [True, False])
@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("Content-Type: application/vnd.apache.arrow.stream", "/models/echo/predict"),
        ("Content-Type: application/vnd.apache.parquet", "/models/echo/predict"),
        ("Accept: application/vnd.apache.arrow.stream", "/models/echo/predict"),
        ("Content-Type: application/vnd.apache.parquet", "/models/echo/invocations"),
    ],
)
async def test_the_import_for_arrow_takes_place_in_a_thread(
    settings: Settings,
    registry: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    path: str,
    *,
    has_shortcut: bool,
) -> None:
    where: list[threading.Thread] = []
    monkeypatch.setattr(arrow, "preparation", lambda: lambda: where.append(threading.current_thread()))
    async with listening(settings, registry, has_shortcut=has_shortcut) as port:
        given = b'{"columns": {"a": [1.5]}}' if header.startswith("Accept") else b"neither"
        status, _, _ = await ask(port, request(given, path, header))
        assert status == (200 if header.startswith("Accept") else 400)
        assert [thread.name for thread in where] == ["lane decoding"]
        await ask(port, REQUESTS["a row"])
        await ask(port, REQUESTS["V2"])
        assert len(where) == 1


async def test_pipelined_requests_are_answered_in_their_order(settings: Settings, registry: FakeRegistry) -> None:
    async with listening(settings, registry, has_shortcut=True) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        names = ["a row", "no JSON", "two rows", "a wrong key", "nothing finite", "a row"] * 50
        writer.write(b"".join(REQUESTS[name] for name in names))
        for name in names:
            assert (await answer_of(reader))[0] == (await ask(port, REQUESTS[name]))[0], name
        writer.close()


async def test_both_ways_are_counted(settings: Settings, registry: FakeRegistry) -> None:
    async with listening(settings, registry, has_shortcut=True) as port:
        for name in ("a row", "a row", "no JSON", "a wrong key"):
            await ask(port, REQUESTS[name])
        get = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
        page = (await ask(port, get))[2].decode()
    lines = [line for line in page.splitlines() if "requests_total{" in line and "predict" in line]
    assert sorted(re.findall(r'status="(\d+)".* ([0-9.]+)', "\n".join(lines))) == [
        ("200", "2.0"),
        ("400", "1.0"),
        ("401", "1.0"),
    ]


async def test_what_is_no_http_is_counted_too(settings: Settings, registry: FakeRegistry) -> None:
    async with listening(settings, registry, has_shortcut=True) as port:
        for content in (
            b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        ):
            assert (await ask(port, content))[0] == 400
        get = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
        page = (await ask(port, get))[2].decode()
    found = [line for line in page.splitlines() if "requests_total{" in line and 'route="other"' in line]
    assert [re.findall(r'status="(\d+)".* ([0-9.]+)', line) for line in found] == [[("400", "3.0")]]


async def test_no_answer_is_slower_than_its_work_and_health_answers_beside_a_slow_model(
    settings: Settings, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.register("diabetes", 9, tmp_path / "slow", write_slow(tmp_path / "slow", 20_000))
    registry.promote("diabetes", 9)
    health = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    slow = request(b'{"columns": {"a": [1]}}', "/models/diabetes/predict")
    async with listening(settings, registry, has_shortcut=True) as port:
        assert await quickest(port, REQUESTS["a row"]) < 0.01
        stop = asyncio.Event()
        busy = [asyncio.create_task(keep_asking(port, slow, stop)) for _ in range(4)]
        await asyncio.sleep(0.1)
        assert await quickest(port, health) < 0.01
        assert await quickest(port, REQUESTS["a row"]) < 0.01
        stop.set()
        assert all(await asyncio.gather(*busy))


async def quickest(port: int, content: bytes) -> float:
    """The best of several answers on one connection; each that waits for an acknowledgement takes 40 ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for _ in range(20):
        started = time.perf_counter()
        writer.write(content)
        assert (await answer_of(reader))[0] == 200
        times.append(time.perf_counter() - started)
    writer.close()
    return min(times)


async def keep_asking(port: int, content: bytes, stop: asyncio.Event) -> bool:
    while not stop.is_set():
        if (await ask(port, content))[0] != 200:
            return False
    return True
