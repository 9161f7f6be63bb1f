"""A head that is known is taken as the parser takes it, whatever comes after it and in whatever parts."""

from random import Random
from typing import Any

import httptools
import pytest
from mlyard_model_api.errors import BrokenRequest
from mlyard_model_api.transport.parsing import Head, RequestParser
from mlyard_model_api.transport.repeats import KnownHead

POST = b"POST /echo?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length:  %b\r\nAccept: */*\r\n\r\n"
OTHERS = (
    b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /echo?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nAccept: */*\r\n\r\nabc",
    POST.replace(b"*/*", b"a/b") % b"3" + b"abc",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc",
)
BROKEN = (
    b"",
    b"+3",
    b"-3",
    b"0x3",
    b"3 3",
    b"3\r\nContent-Length: 3",
    b"3\r\n x",
    b"3\n",
    b"3\r",
    "\u0663".encode(),
    b"9" * 30,
)


class Record:
    """What a parser told, with the parts of each body as one."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def begin_head(self) -> None:
        pass

    def take_head(self, head: Head) -> None:
        self.told += [head, b""]

    def take_body(self, part: bytes | memoryview) -> None:
        self.told[-1] += bytes(part)

    def end_request(self) -> None:
        self.told.append("end")


def told(chunks: list[bytes]) -> list[Any]:
    record = Record()
    parser = RequestParser(record)
    try:
        for chunk in chunks:
            parser.feed(memoryview(chunk))
    except BrokenRequest:
        record.told.append("broken")
    return record.told


def post(body: bytes, length: bytes | None = None) -> bytes:
    return POST % (b"%d" % len(body) if length is None else length) + body


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[memoryview]:
    """What llhttp has parsed."""
    found: list[memoryview] = []

    class Counting:
        def __init__(self, receiver: Any) -> None:
            self._parser = made(receiver)

        def feed_data(self, data: memoryview) -> None:
            found.append(data)
            self._parser.feed_data(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._parser, name)

    made = httptools.HttpRequestParser
    monkeypatch.setattr(httptools, "HttpRequestParser", Counting)
    return found


def test_a_head_is_parsed_until_it_has_come_twice(parsed: list[memoryview]) -> None:
    bodies = [b"abc", b"de", b"f" * 1000, b"g", OTHERS[0], b"h"]
    found = told([post(body) for body in bodies])
    assert len(parsed) == 2
    assert found[1::3] == bodies
    assert [head.length for head in found[::3]] == [b"%d" % len(body) for body in bodies]
    assert len({(head.method, head.target, *head.headers) for head in found[::3]}) == 1


def test_what_comes_after_a_known_head_is_told_as_if_it_were_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Random(5)
    streams = []
    for _ in range(2000):
        requests = [
            post(b"x" * draw.choice((0, 1, 9, 10, 300))) if draw.random() < 0.8 else draw.choice(OTHERS)
            for _ in range(8)
        ]
        if draw.random() < 0.5:
            requests[-1] = draw.choice([post(b"abc", draw.choice(BROKEN)), post(b"abc")[:-1], post(b"abc", b"003")])
        chunks = []
        for request in requests:
            cut = draw.randrange(len(request)) if draw.random() < 0.2 else 0
            chunks += [request[:cut], request[cut:]] if cut else [request]
        for place in range(len(chunks) - 1, 0, -1):
            if draw.random() < 0.1:
                chunks[place - 1 : place + 1] = [chunks[place - 1] + chunks[place]]
        streams.append(chunks)
    found = list(map(told, streams))
    assert any("broken" in one for one in found)
    monkeypatch.setattr(KnownHead, "of", lambda *_: None)
    assert list(map(told, streams)) == found
