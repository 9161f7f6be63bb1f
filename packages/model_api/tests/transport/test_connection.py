import contextlib
import logging
import random
import re
import socket
import struct
import time
from typing import Any

import pytest

from .conftest import Serve, Serving, until

GET = "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
POST = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"


def test_an_answer_comes_at_once_and_the_connection_stays(serving: Serving) -> None:
    client, times = serving.connect(), []
    for _ in range(10):
        started = time.monotonic()
        client.send(POST.format(3), "abc")
        status, headers, body = client.answer()
        assert (status, body) == (200, b"abc")
        assert "connection" not in headers
        assert "date" in headers
        times.append(time.monotonic() - started)
    assert min(times) < 0.01


def test_requests_that_come_together_are_answered_in_their_order(serving: Serving) -> None:
    client = serving.ask(SLOW, POST.format(3), "abc", POST.format(3), "def", "JUMP / HTTP/1.1\r\n\r\n")
    assert [client.answer()[2] for _ in range(3)] == [b"", b"abc", b"def"]
    assert client.error() == (501, "method_unknown")


def test_a_request_may_come_byte_by_byte(serving: Serving) -> None:
    client = serving.connect()
    for byte in (POST.format(3) + "abc").encode():
        client.send(bytes([byte]))
    assert client.answer()[2] == b"abc"


def test_a_large_body_comes_whole(serving: Serving) -> None:
    body = bytes(range(256)) * 8192
    client = serving.ask(POST.format(len(body)), body)
    assert client.answer()[2] == body


def test_a_body_may_come_in_chunks(serving: Serving) -> None:
    head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = serving.ask(head, "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n", GET)
    assert [client.answer()[2] for _ in range(2)] == [b"abcde", b""]
    assert all(name != b"trailer" for name, _ in serving.application.requests[0]["headers"])


def test_an_answer_of_unknown_length_comes_in_chunks(serving: Serving) -> None:
    client = serving.ask("GET /parts HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"".join([client.socket.recv(4096), client.socket.recv(4096)]).count(b"part") > 0
    old = serving.ask("GET /parts HTTP/1.0\r\n\r\n").read()
    assert old.endswith(b"\r\n\r\npartpartpart")


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400, "bad_request", id="Content-Length beside Transfer-Encoding",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            400, "bad_request", id="Transfer-Encoding beside Content-Length",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            400, "bad_request", id="two Content-Lengths",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "bad_request", id="negative length"
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            400, "bad_request", id="another Transfer-Encoding",
        ),
        pytest.param(
            "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request", id="chunks in 1.0"
        ),
        pytest.param("GET / HTTP/1.1\r\n\r\n", 400, "bad_request", id="no Host"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "bad_request", id="two Hosts"),
        pytest.param("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "bad_request", id="space before a colon"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "bad_request", id="folded header"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\0\r\n\r\n", 400, "bad_request", id="NUL"),
        pytest.param("GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request", id="target not in ASCII"),
        pytest.param("GET /\r\n\r\n", 505, "http_version_unknown", id="HTTP/0.9"),
        pytest.param("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "http_version_unknown", id="HTTP/2.0"),
        pytest.param("CONNECT host:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501, "method_unknown", id="CONNECT"),
        pytest.param("JUMP / HTTP/1.1\r\nHost: x\r\n\r\n", 501, "method_unknown", id="unknown method"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request", id="TLS"),
        pytest.param(
            f"GET / HTTP/1.1\r\nHost: x\r\nA: {'a' * 70_000}\r\n\r\n", 431, "headers_too_large", id="long header"
        ),
        pytest.param(f"GET /{'a' * 70_000} HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers_too_large", id="long target"),
        pytest.param(
            "GET / HTTP/1.1\r\nHost: x\r\n" + "Abcdef: b\r\n" * 20_000 + "\r\n",
            431, "headers_too_large", id="many headers",
        ),
        pytest.param(
            "GET / HTTP/1.1\r\nHost: x\r\n" + "A:\r\n" * 14_000 + "\r\n",
            431, "headers_too_large", id="many empty headers",
        ),
    ],
)  # fmt: skip
def test_what_is_not_http_is_refused_in_our_form(
    serving: Serving, request_: str | bytes, status: int, code: str
) -> None:
    client = serving.ask(request_ if isinstance(request_, bytes) else request_.encode("latin-1"))
    assert client.error() == (status, code)
    assert serving.application.requests == []


def test_headers_without_an_end_are_refused_as_they_grow(serving: Serving) -> None:
    client = serving.ask("GET / HTTP/1.1\r\nHost: x\r\nA: ")
    for _ in range(20):
        client.send("a" * 10_000)
    assert client.error() == (431, "headers_too_large")


def test_a_broken_body_is_the_applications_to_refuse(serving: Serving) -> None:
    client = serving.ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\nabc\r\n")
    status, headers, _ = client.answer()
    assert (status, headers["connection"]) == (400, "close")
    assert client.read() == b""


@pytest.mark.parametrize("target", ["http://host:80/echo?a=b", "HTTP://host/echo?a=b", "/echo?a=b"])
def test_a_target_may_be_absolute(serving: Serving, target: str) -> None:
    assert serving.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").answer()[0] == 200
    scope = serving.application.requests[0]
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/echo", b"/echo", b"a=b")


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_a_wish_for_another_protocol_is_no_matter(serving: Serving, body: bytes) -> None:
    upgrade = (
        f"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    client = serving.ask(upgrade, body, GET)
    assert [client.answer()[::2] for _ in range(2)] == [(200, body), (200, b"")]


def test_head_has_the_headers_and_no_body(serving: Serving) -> None:
    client = serving.ask("HEAD /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert client.read().partition(b"\r\n\r\n")[2] == b""


def test_http_1_0_ends_with_its_answer(serving: Serving) -> None:
    found = serving.ask("GET /echo HTTP/1.0\r\n\r\n").read()
    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in found


def test_a_client_that_closed_its_side_gets_its_answer(serving: Serving) -> None:
    client = serving.ask(SLOW)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.answer()[0] == 100
    status, headers, _ = client.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert client.read() == b""


def test_a_quick_answer_to_a_client_that_closed_its_side_has_nothing_before_it(serving: Serving) -> None:
    client = serving.ask(GET)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.answer()[0] == 200


def test_a_body_that_ends_early_is_the_applications_to_refuse(serving: Serving) -> None:
    client = serving.ask(POST.format(10), "abc")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.answer()[0] == 400
    assert client.read() == b""


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_request_of_a_client_that_has_gone_is_given_up(serving: Serving, reset: bool) -> None:
    serving.application.seconds = 10
    client = serving.ask(SLOW)
    until(lambda: bool(serving.application.requests))
    if reset:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()
    until(lambda: serving.application.cancelled == 1, seconds=2)


def test_slow_headers_end_a_connection(serve: Serve) -> None:
    with serve(headers=0.3) as serving:
        idle, slow = serving.connect(), serving.ask("GET /echo HTTP/1.1\r\n")
        started = time.monotonic()
        for _ in range(5):
            slow.send("A: b\r\n")
            time.sleep(0.05)
        assert slow.error() == (408, "headers_too_slow")
        assert idle.read() == b""
        assert 0.25 < time.monotonic() - started < 2


def test_slow_headers_end_a_connection_that_was_kept(serve: Serve) -> None:
    with serve(headers=0.3) as serving:
        client = serving.ask(GET)
        client.answer()
        time.sleep(0.5)
        client.send("GET /echo")
        assert client.error() == (408, "headers_too_slow")


def test_an_idle_connection_ends_after_its_time(serve: Serve) -> None:
    with serve(idle=0.6) as serving:
        client = serving.ask(GET)
        client.answer()
        time.sleep(0.4)
        client.send(GET)
        assert client.answer()[0] == 200
        started = time.monotonic()
        assert client.read() == b""
        assert 0.5 < time.monotonic() - started < 2


@pytest.mark.parametrize("size", [100_000, 300_000_000], ids=["100 kB", "300 MB"])
def test_a_refused_body_ends_the_connection(serving: Serving, size: int) -> None:
    client = serving.ask(f"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n")
    client.socket.settimeout(5)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < size:
            sent += client.socket.send(b"x" * 65536)
    assert sent < 20_000_000
    status, headers, _ = client.answer()
    assert (status, headers["connection"]) == (401, "close")


def test_what_is_still_sent_of_a_refused_body_resets_nothing(serving: Serving) -> None:
    client = serving.ask("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
    for _ in range(10):
        time.sleep(0.02)
        client.send(b"x" * 10_000)
    assert client.answer()[0] == 401
    assert client.read() == b""


def test_a_small_refused_body_leaves_the_connection(serving: Serving) -> None:
    client = serving.ask("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", GET)
    assert [client.answer()[0] for _ in range(2)] == [401, 200]


def test_a_body_is_asked_for_when_the_application_wants_it(serving: Serving) -> None:
    expect = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    client = serving.ask(expect.format("/echo"))
    assert client.answer()[0] == 100
    client.send("abc")
    assert client.answer()[2] == b"abc"
    refused = serving.ask(expect.format("/early"))
    status, headers, _ = refused.answer()
    assert (status, headers["connection"]) == (401, "close")


def test_a_body_is_not_read_ahead_of_the_application(serving: Serving) -> None:
    serving.application.seconds = 1
    client = serving.ask("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n\r\n")
    client.socket.settimeout(0.4)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 300_000_000:
            sent += client.socket.send(b"x" * 65536)
    assert sent < 10_000_000


def test_a_bug_is_answered_without_details_and_logged(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    client = serving.ask("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", GET)
    status, _, body = client.answer()
    assert status == 500
    assert b"internal_error" in body
    assert b"secret" not in body
    assert client.answer()[0] == 200
    assert "KeyError: 'secret'" in caplog.text


def test_at_the_end_answers_say_so_and_idle_connections_get_one_more(serving: Serving) -> None:
    idle, busy, unused = serving.ask(GET), serving.connect(), serving.connect()
    idle.answer()
    busy.send(SLOW)
    until(lambda: len(serving.application.requests) == 2)
    serving.stop()
    time.sleep(0.3)
    idle.send(GET)
    for client in (idle, busy):
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert client.read() == b""
    assert unused.read() == b""


def test_an_unfinished_body_does_not_delay_the_end(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    client = serving.ask(POST.format(10), "abc")
    until(lambda: bool(serving.application.requests))
    started = time.monotonic()
    serving.stop()
    with caplog.at_level(logging.WARNING):
        assert client.error() == (503, "stopping")
        assert time.monotonic() - started < 2.5
    assert caplog.text == ""


def test_a_client_that_reads_nothing_loses_its_connection(serve: Serve) -> None:
    with serve(idle=0.3) as serving:
        body = b"x" * 10_000_000
        client = serving.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(POST.format(len(body)), body)
        until(lambda: not serving.server.server_state.connections, seconds=10)


def test_answers_that_nobody_reads_are_bounded_and_the_oldest_are_given_up(serve: Serve) -> None:
    with serve(unread=1_000_000) as serving:
        body = b"x" * 10_000_000
        clients = [serving.connect() for _ in range(3)]
        for client in clients:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.send(POST.format(len(body)), body)
            client.socket.recv(1, socket.MSG_PEEK)  # its answer is on its way before the next one asks
        assert clients[-1].answer()[2] == body
        for client in clients[:-1]:
            with pytest.raises(ConnectionError):
                client.answer()


def test_many_wishes_for_another_protocol_are_no_matter(serving: Serving) -> None:
    wish = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    client = serving.ask(wish * 1000)
    assert [client.answer()[0] for _ in range(1000)] == [200] * 1000


def test_no_broken_request_is_ever_a_fault_of_the_server(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    generator = random.Random(20261126)
    seeds = [GET, POST.format(3) + "abc", POST.format(3).replace("Content-Length: 3", "Transfer-Encoding: chunked")]
    seeds[2] += "3\r\nabc\r\n0\r\n\r\n"
    for _ in range(400):
        broken = bytearray("".join(generator.choices(seeds, k=2)).encode())
        for _ in range(generator.randint(1, 5)):
            place = generator.randrange(len(broken))
            broken[place : place + generator.randint(0, 3)] = generator.choice(
                [b"", b"\r\n", b" ", b":", b"%", b"\0", generator.randbytes(generator.randint(0, 3))]
            )
        client = serving.ask(bytes(broken))
        client.socket.shutdown(socket.SHUT_WR)
        for status in re.findall(rb"HTTP/1\.1 (\d+)", client.read()):
            assert int(status) in (200, 400, 501, 505), broken
        client.socket.close()
    assert caplog.text == ""
    assert serving.ask(GET).answer()[0] == 200


def test_the_exchange_of_bytes_has_no_delay(serving: Serving) -> None:
    client: Any = serving.connect()
    client.send(GET)
    client.answer()
    [connection] = serving.server.server_state.connections
    found: Any = connection
    accepted = found._transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
