import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from backports import zstd
from mlyard_model_api.access import unpacking
from mlyard_model_api.access.bodies import Bodies
from mlyard_model_api.access.unpacking import PIECE_BYTES, coding
from mlyard_model_api.errors import BodyTooLarge, BrokenBody, MediaTypeRefused, Overloaded

from ..conftest import Start
from ..fake_registry import FakeRegistry
from ..versions import PENGUIN

pytestmark = pytest.mark.anyio
MB = 1024**2
CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": lambda data: zstd.compress(data, options=CHECKED),
}
JSON = {"Content-Type": "application/json"}


async def chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def unpack(data: bytes, name: str, *, largest: int = 8 * MB, size: int = 1000) -> bytes:
    place = await Bodies(limit=2 * largest, largest=largest, seconds=5).take(len(data), seconds=1)
    return bytes(await place.read(chunks(data, size), coding=name))


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("size", [1, 7, 100_000_000])
@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 3 * PIECE_BYTES, bytes(range(256)) * 700], ids=len)
async def test_a_packed_body_is_what_was_packed(name: str, size: int, body: bytes) -> None:
    assert await unpack(PACK[name](body), name, size=size) == body
    # Several behind one another are one body.
    assert await unpack(PACK[name](body) + PACK[name](b"end"), name, size=size) == body + b"end"


@pytest.mark.parametrize("name", PACK)
async def test_a_bomb_ends_at_the_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = PACK[name](bytes(64 * MB))
    unpacked = 0
    make = unpacking._Parts.feed

    def counted(self: unpacking._Parts, packed: bytes) -> Iterator[bytes]:
        nonlocal unpacked
        for piece in make(self, packed):
            unpacked += len(piece)
            yield piece

    monkeypatch.setattr(unpacking._Parts, "feed", counted)
    with pytest.raises(BodyTooLarge, match="larger than 1048576 bytes"):
        await unpack(bomb, name, largest=MB, size=len(bomb))
    assert unpacked <= MB + PIECE_BYTES


@pytest.mark.parametrize("name", PACK)
async def test_what_it_becomes_counts_among_all_bodies(name: str) -> None:
    bodies = Bodies(limit=4 * MB, largest=3 * MB, seconds=5)
    first = await bodies.take(None, seconds=1)
    await first.read(chunks(PACK[name](bytes(2 * MB)), 1000), coding=name)
    assert bodies.held == 2 * MB
    with pytest.raises(Overloaded):
        await (await bodies.take(None, seconds=1)).read(chunks(PACK[name](bytes(2 * MB)), 1000), coding=name)


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("wrong", ["cut", "empty", "plain", "changed", "followed"])
async def test_what_is_not_packed_so_is_refused(name: str, wrong: str) -> None:
    whole = PACK[name](b"some text" * 1000)
    middle = len(whole) // 2
    body = {
        "cut": whole[:-1],
        "empty": b"",
        "plain": b'{"rows": []}',
        "changed": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "followed": whole + b"x",
    }[wrong]
    with pytest.raises(BrokenBody, match=name):
        await unpack(body, name)


@pytest.mark.parametrize("name", PACK)
async def test_parts_that_become_nothing_have_an_end(name: str) -> None:
    assert await unpack(PACK[name](b"") * 998 + PACK[name](b"end"), name) == b"end"
    with pytest.raises(BrokenBody, match=f"more than 1000 parts of {name}: pack it as one"):
        await unpack(PACK[name](b"") * 2000, name)


async def test_zstd_may_not_ask_for_more_memory_than_http_allows() -> None:
    # A stream of unknown length, since the window of a known one is its length at most.
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    with pytest.raises(BrokenBody, match="not zstd"):
        await unpack(packer.compress(b"x" * 100, mode=packer.FLUSH_BLOCK) + packer.flush(), "zstd")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([b"identity"], None),
        ([b"", b"identity, identity"], None),
        ([b"gzip"], "gzip"),
        ([b"X-GZip"], "gzip"),
        ([b"identity", b" ZSTD "], "zstd"),
    ],
)
def test_the_coding_is_read_from_the_headers(values: list[bytes], expected: str | None) -> None:
    assert coding([(b"accept", b"gzip"), *((b"content-encoding", value) for value in values)]) == expected


@pytest.mark.parametrize("value", [b"br", b"deflate", b"gzip, gzip", b"gzip, zstd", b"gzip;q=1", b"\xff"])
def test_another_coding_is_refused(value: bytes) -> None:
    with pytest.raises(MediaTypeRefused, match="Content-Encoding: gzip, or zstd"):
        coding([(b"content-encoding", value)])


@pytest.mark.parametrize("name", PACK)
async def test_packed_requests_are_answered_and_bombs_are_not(start: Start, registry: FakeRegistry, name: str) -> None:
    registry.promote("penguins", 1)
    body = json.dumps({"rows": [PENGUIN] * 100}).encode()
    async with start(max_body_bytes=MB) as client:

        async def ask(content: bytes) -> tuple[int, str]:
            headers = JSON | {"Content-Encoding": name}
            response = await client.post("/models/penguins/predict", content=content, headers=headers)
            error = response.json().get("error", {}).get("code", "")
            return response.status_code, error

        assert await ask(PACK[name](body)) == (200, "")
        assert await ask(PACK[name](b" " * 64 * MB)) == (413, "body_too_large")
        assert await ask(PACK[name](body)[:-3]) == (400, "broken_body")
        assert await ask(zlib.compress(body)) == (400, "broken_body")
