"""From bytes to requests: heads that are checked, bodies in parts."""

import logging
import re
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

import httptools
from starlette.types import Scope

from mlyard_model_api.errors import BrokenRequest, HeadersTooLarge, HttpVersionUnknown, MethodUnknown
from mlyard_model_api.transport.repeats import KnownHead

_ASGI = {"version": "3.0", "spec_version": "2.3"}
HEAD_BYTES = 64 * 1024
"""The most of an address and its headers."""
_AROUND = len(": \r\n")
"""What each header takes beside its name and its value: many empty ones are large, too."""
_METHOD = re.compile(rb"[A-Za-z-]+ ")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Head:
    """The first lines of a request; names of headers are in lower case, and the length of the body stands apart."""

    method: str
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    length: bytes | None
    keep_alive: bool

    def is_like(self, other: "Head | None") -> bool:
        """Whether it says the same as another one, but for the length of the body."""
        return (
            other is not None
            and self.target == other.target
            and self.headers == other.headers
            and self.method == other.method
            and self.version == other.version
        )

    @property
    def expects(self) -> bool:
        """Whether the client waits for a 100 before it sends the body."""
        found = self.values(b"expect")
        return bool(found) and self.version == "1.1" and b"100-continue" in [value.lower() for value in found]

    def values(self, wanted: bytes) -> list[bytes]:
        """The values of all headers of a name."""
        return [value for name, value in self.headers if name == wanted]

    def check(self) -> None:
        """Refuse what could be read in two ways; raises `BrokenRequest`."""
        if self.version == "1.1" and len(self.values(b"host")) != 1:
            raise BrokenRequest("send one header Host")
        codings = self.values(b"transfer-encoding")
        if codings and (self.version == "1.0" or [value.lower() for value in codings] != [b"chunked"]):
            raise BrokenRequest("send the body as Transfer-Encoding: chunked, or with its Content-Length")

    def scope(self, **facts: Any) -> Scope:
        """What an ASGI application gets, with facts of the connection."""
        target, _, query = self.target.partition(b"#")[0].partition(b"?")
        if not target.startswith(b"/") and b"://" in target:
            # The absolute form (RFC 9112, 3.2.2), as proxies send it.
            target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
        path = target.decode("ascii")
        length = [(b"content-length", self.length)] if self.length is not None else []
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": self.version,
            "method": self.method,
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": target,
            "query_string": query,
            "root_path": "",
            "headers": [*self.headers, *length],
            **facts,
        }


class Receiver(Protocol):
    """Who takes what is parsed."""

    def begin_head(self) -> None:
        """A request begins."""

    def take_head(self, head: Head) -> None:
        """Its head has come."""

    def take_body(self, part: bytes | memoryview) -> None:
        """A part of its body has come."""

    def end_request(self) -> None:
        """It has come as a whole."""


class RequestParser:
    """Parses with llhttp, which takes nothing that RFC 9112 does not have."""

    def __init__(self, receiver: Receiver) -> None:
        """Nothing has come yet."""
        self.in_head = False
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._length: bytes | None = None
        self._size = 0
        self._checked: Head | None = None
        # How many requests have begun and ended, and what the next one may begin with.
        self._begun = self._ended = 0
        self._repeated: Head | None = None
        self._known: tuple[KnownHead, Head] | None = None

    def feed(self, data: memoryview) -> None:
        """Take bytes.

        Raises:
            BrokenRequest: they are not HTTP; nothing can be parsed any more.
        """
        is_between, begun = self._begun == self._ended, self._begun
        if is_between and self._known is not None and self._take_repeated(data, *self._known):
            return
        was_in_head, rest = self.in_head, data
        while rest:
            try:
                self._parser.feed_data(rest)
                break
            except httptools.HttpParserUpgrade as upgrade:
                rest = memoryview(self._without_upgrade() + rest[upgrade.args[0] :])
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError as error:
                raise _fault(error, rest) from None
        if was_in_head and self.in_head:
            self._size += len(data)
            if self._size > HEAD_BYTES:
                raise HeadersTooLarge(HEAD_BYTES)
        if is_between and self._repeated is not None and self._begun == self._ended == begun + 1:
            known = KnownHead.of(data, self._repeated)
            self._known = (known, self._repeated) if known is not None else None

    def unread_head(self) -> Head:
        """What is known of a request that is not HTTP, to answer it in the form of its address, with its id."""
        is_known = self._begun != self._ended and self._target.isascii()
        target, headers = (self._target or b"/", self._headers) if is_known else (b"/", [])
        return Head("GET", target, "1.1", headers, length=None, keep_alive=False)

    def on_message_begin(self) -> None:
        """Begin with a request, as httptools calls it."""
        self._target, self._headers, self._length, self._size = b"", [], None, 0
        self.in_head = True
        self._begun += 1
        self._receiver.begin_head()

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those after a body are not needed."""
        if self.in_head:
            name = name.lower()
            if name == b"content-length":
                self._length = value
            else:
                self._headers.append((name, value))
            self._size += len(name) + len(value) + _AROUND

    def on_headers_complete(self) -> None:
        """Check the head, and hand it on."""
        parser, version = self._parser, self._parser.get_http_version()
        if parser.should_upgrade():
            if parser.get_method() == b"CONNECT":
                raise MethodUnknown
            # It is parsed again without that.
            return
        self.in_head = False
        if version not in ("1.0", "1.1"):
            raise HttpVersionUnknown
        if self._size + len(self._target) > HEAD_BYTES:
            raise HeadersTooLarge(HEAD_BYTES)
        keep_alive = version == "1.1" and parser.should_keep_alive()
        method = parser.get_method().decode("ascii")
        head = Head(method, self._target, version, self._headers, self._length, keep_alive)
        if head.is_like(self._checked):
            self._repeated = head
        else:
            head.check()
            self._checked, self._repeated = head, None
        self._receiver.take_head(head)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._receiver.take_body(part)

    def on_message_complete(self) -> None:
        """End with a request."""
        if not self.in_head:
            self._ended += 1
            self._receiver.end_request()

    def _take_repeated(self, data: memoryview, known: KnownHead, head: Head) -> bool:
        """Take a whole request with a head that is known; the parser stays between two requests."""
        found = known.split(data)
        if found is None:
            return False
        length, body = found
        self._receiver.take_head(Head(head.method, head.target, head.version, head.headers, length, head.keep_alive))
        self._receiver.take_body(body)
        self._receiver.end_request()
        return True

    def _without_upgrade(self) -> bytes:
        """The head of a request that asks for another protocol, as if it did not (RFC 9110, 7.8)."""
        length = [(b"content-length", self._length)] if self._length is not None else []
        lines = [b"%b: %b\r\n" % header for header in (*self._headers, *length) if header[0] != b"upgrade"]
        version = self._parser.get_http_version().encode()
        first = b"%b %b HTTP/%b\r\n" % (self._parser.get_method(), self._target, version)
        return b"".join([first, *lines, b"\r\n"])


def _fault(error: httptools.HttpParserError, data: memoryview) -> BrokenRequest:
    cause = error.__context__
    if isinstance(cause, BrokenRequest):
        return cause
    if isinstance(error, httptools.HttpParserCallbackError):
        log.error("a request could not be read", exc_info=cause)
        return BrokenRequest("the request cannot be read")
    if isinstance(error, httptools.HttpParserInvalidMethodError) and _METHOD.match(data):
        return MethodUnknown()
    # llhttp's own words name the rule, and nothing of what was sent.
    return BrokenRequest(f"the request is not HTTP: {error}")
