"""One request as metrics and logs see it: its id, and what answered it. It holds nothing of what was sent."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

import uuid_utils

REQUEST_ID = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._~:@/+=-]{1,128}")
"""What is safe in a header, in a line of a log and in a URN alike."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, for the lines of its log."""


@dataclass(slots=True)
class Observation:
    """What the routes tell of a request while they answer it.

    `route` is the template of its path, so that it has few values; `model` and `version` are those that answered, and
    `protocol` is the wire format's name.
    """

    id: str
    route: str = ""
    protocol: str = ""
    model: str = ""
    version: str = ""
    rows: int = 0


def identify(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that the client sent, where it is well-formed and the only one; else a new one."""
    given = [value for name, value in headers if name == REQUEST_ID]
    if len(given) == 1 and _WELL_FORMED.fullmatch(given[0]):
        return given[0].decode("ascii")
    return str(uuid_utils.uuid7())
