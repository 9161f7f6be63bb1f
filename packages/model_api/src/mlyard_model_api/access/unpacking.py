"""Bodies that come packed: unpacked piece by piece as they arrive, so that a bomb ends where the limit is."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from backports import zstd

from mlyard_model_api.errors import BrokenBody, MediaTypeRefused

CODINGS = ("gzip", "zstd")
"""What a body may be packed by, as Content-Encoding names it."""
PIECE_BYTES = 64 * 1024
"""At most so much is unpacked at once."""
MAX_PARTS = 1000
"""Of gzip's members or zstd's frames: each takes time, and where it is empty no limit of bytes ends that."""

_MAX_WINDOW = 23
"""8 MB, the most that a body in zstd may ask a server to remember. Source: RFC 9659."""


class Unpacker(Protocol):
    """Unpacks one body."""

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Yield what a part of the body becomes, in small pieces; raises `BrokenBody`."""

    def end(self) -> None:
        """Say that no more comes; raises `BrokenBody` where more had to."""


def coding(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return what the body is packed by, or None for a plain one.

    Raises:
        MediaTypeRefused: it is packed by something else, or more than once.
    """
    values = [value for name, value in headers if name == b"content-encoding"]
    if not values:
        return None
    parts = [part.strip() for part in b",".join(values).decode("latin-1").lower().split(",")]
    named = [part.removeprefix("x-") for part in parts if part not in ("", "identity")]
    if len(named) > 1 or not set(named) <= set(CODINGS):
        raise MediaTypeRefused("send the body plain, or packed once: Content-Encoding: gzip, or zstd")
    return named[0] if named else None


def unpacker(coding: str) -> Unpacker:
    """Return what unpacks a body of one of the `CODINGS`."""
    return _Gzip() if coding == "gzip" else _Zstd()


class _Parts:
    """A body of one packed part or several behind one another, as gzip's members and zstd's frames are."""

    _name = ""
    _failures: tuple[type[Exception], ...] = ()

    def __init__(self) -> None:
        self._part: Any = self._new()
        self._is_fresh = True
        self._parts = 1

    def feed(self, packed: bytes) -> Iterator[bytes]:
        while packed or self._has_more():
            if self._part.eof:
                self._part = self._new()
                self._is_fresh = True
                self._parts += 1
                if self._parts > MAX_PARTS:
                    raise BrokenBody(
                        f"the body is packed as more than {MAX_PARTS} parts of {self._name}: pack it as one"
                    )
            self._is_fresh = self._is_fresh and not packed
            try:
                piece, packed = self._step(packed)
            except self._failures:
                raise BrokenBody(f"the body is not {self._name}, as its Content-Encoding says") from None
            if piece:
                yield piece

    def end(self) -> None:
        if self._is_fresh or not self._part.eof:
            raise BrokenBody(f"the body ends before its {self._name} does")

    def _new(self) -> Any:
        raise NotImplementedError

    def _has_more(self) -> bool:
        raise NotImplementedError

    def _step(self, packed: bytes) -> tuple[bytes, bytes]:
        """One piece, and what of the input is still to be read."""
        raise NotImplementedError


class _Gzip(_Parts):
    _name = "gzip"
    _failures = (zlib.error,)

    def _new(self) -> Any:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    def _has_more(self) -> bool:
        return False

    def _step(self, packed: bytes) -> tuple[bytes, bytes]:
        piece = self._part.decompress(packed, PIECE_BYTES)
        return piece, self._part.unused_data if self._part.eof else self._part.unconsumed_tail


class _Zstd(_Parts):
    _name = "zstd"
    _failures = (zstd.ZstdError,)

    def _new(self) -> Any:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW})

    def _has_more(self) -> bool:
        return not self._part.eof and not self._part.needs_input

    def _step(self, packed: bytes) -> tuple[bytes, bytes]:
        piece = self._part.decompress(packed, PIECE_BYTES)
        return piece, self._part.unused_data if self._part.eof else b""
