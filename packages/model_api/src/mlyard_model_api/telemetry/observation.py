"""One request as metrics and logs see it. It holds nothing of what was sent."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import NamedTuple

import uuid_utils

REQUEST_ID = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._~:@/+=-]{1,128}")
"""What is safe in a header, in a line of a log and in a URN alike."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, for the lines of its log."""


class Observation(NamedTuple):
    """A request that was answered: `route` is the template of its address, `model` and `version` are who answered."""

    request_id: str
    method: str
    route: str
    model: str
    version: int | None
    status: int
    seconds: float


def identify(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that the client sent, where it is well-formed and the only one; else a new one."""
    given = None
    for name, value in headers:
        if name == REQUEST_ID:
            given = value if given is None else b""
    return given.decode("ascii") if given is not None and _WELL_FORMED.fullmatch(given) else str(uuid_utils.uuid7())
