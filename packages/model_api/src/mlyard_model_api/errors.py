"""The API's own errors: what is the matter, and the way out. What each is over HTTP, `routes.refusals` says.

MlyardError
├── CacheUnusable             the cache folder cannot be written
└── Unanswered                all that a request can meet
    ├── ModelUnknown          no such model is configured or has a champion
    ├── NoDefaultModel        none was named, and none is set
    ├── VersionUnknown        the version that is asked for is not loaded
    ├── ModelNotReady         the model is expected, and no version of it serves yet
    ├── Overloaded            too much waits already
    ├── DeadlinePassed        the answer took too long
    ├── Stopping              the process ends
    ├── ModelFailed           the model raised an error, or its answer is not what it claims to be
    ├── NotComputable         the model has no finite answer for these values
    └── RequestRefused
        ├── KeyRefused        no bearer key, or a wrong one
        ├── QueryRefused      what the address asks for cannot be meant
        ├── ControlRefused    clients may not change what is served
        ├── BodyTooLarge
        ├── BodyTooSlow
        ├── TooManyRows
        ├── MediaTypeRefused  the body is said to be nothing that is read here
        ├── NotAcceptable     the client takes no form that the answer has
        ├── BrokenBody        the body is not what it is said to be
        ├── InputRefused      the document breaks the model's schema
        └── BrokenRequest     the request is not HTTP
            ├── HeadersTooLarge
            ├── HeadersTooSlow
            ├── MethodUnknown
            └── HttpVersionUnknown
"""

from collections.abc import Sequence

from mlyard_shared.contract import Contract
from mlyard_shared.errors import MlyardError
from mlyard_shared.storage import storage_fault


class Problem(Contract):
    """One thing that is wrong in a request: where, and what would be right. It never holds a value of the data."""

    code: str
    message: str
    row: int | None = None
    column: str | None = None


class CacheUnusable(MlyardError):
    """The cache folder cannot be written."""

    def __init__(self, folder: object, cause: OSError | str) -> None:
        fault = storage_fault(cause, str(folder)) if isinstance(cause, OSError) else None
        super().__init__(
            fault.sentence(doing="write", setting="MLYARD_MODEL_API_CACHE")
            if fault
            else f"cannot write {folder} ({cause}): set MLYARD_MODEL_API_CACHE to another folder"
        )


class Unanswered(MlyardError):
    """A request has no answer but this."""


class ModelUnknown(Unanswered):
    """No such model is configured or has a champion."""

    def __init__(self, served: Sequence[str]) -> None:
        super().__init__(f"no such model; served are: {', '.join(served) or 'none'}")


class NoDefaultModel(Unanswered):
    """None was named, and none is set."""

    def __init__(self, served: Sequence[str]) -> None:
        super().__init__(
            f"there is no default model: name one in the address, as in /models/<name>/predict, or set "
            f"MLYARD_MODEL_API_DEFAULT_MODEL; served are: {', '.join(served) or 'none'}"
        )


class VersionUnknown(Unanswered):
    """The version that is asked for is not loaded."""

    def __init__(self, loaded: Sequence[int]) -> None:
        super().__init__(f"that version is not loaded; loaded are: {', '.join(map(str, loaded)) or 'none'}")


class ModelNotReady(Unanswered):
    """The model is expected, and no version of it serves yet."""


class Overloaded(Unanswered):
    """Too much waits already."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; try again in a moment")


class DeadlinePassed(Unanswered):
    """The answer took too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"there was no answer within {seconds:g} s: send fewer rows at once, or try again later")


class Stopping(Unanswered):
    """The process ends."""

    def __init__(self) -> None:
        super().__init__("the API is stopping; try again")


class ModelFailed(Unanswered):
    """The model raised an error, or its answer is not what it claims to be. The cause is for the log."""


class NotComputable(Unanswered):
    """The model has no finite answer for these values."""

    def __init__(self, message: str, *, row: int | None = None) -> None:
        self.row = row
        super().__init__(message)


class RequestRefused(Unanswered):
    """The request itself is wrong."""


class KeyRefused(RequestRefused):
    """No bearer key, or a wrong one."""

    def __init__(self) -> None:
        super().__init__(
            "send the key of this API in the header Authorization: Bearer <key>, or as the password of an account"
        )


class QueryRefused(RequestRefused):
    """What the address asks for cannot be meant."""


class ControlRefused(RequestRefused):
    """Clients may not change what is served."""


class BodyTooLarge(RequestRefused):
    """The body has more bytes than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes: send fewer rows at once")


class BodyTooSlow(RequestRefused):
    """The body did not arrive in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the body was not complete after {seconds:.0f} s: send it faster, or in smaller parts")


class TooManyRows(RequestRefused):
    """The body has more rows than the limit."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact}: send fewer at once")


class MediaTypeRefused(RequestRefused):
    """The body is said to be nothing that is read here, or needs a library that is not installed."""


class NotAcceptable(RequestRefused):
    """The client takes no form that the answer has."""


class BrokenBody(RequestRefused):
    """The body is not what it is said to be."""


class InputRefused(RequestRefused):
    """The document breaks the model's schema; holds the first problems, in the order of the rows."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems[0].message)


class BrokenRequest(RequestRefused):
    """The request is not HTTP as RFC 9112 has it."""


class HeadersTooLarge(BrokenRequest):
    """The address and the headers have more bytes than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the address and the headers are larger than {limit} bytes")


class HeadersTooSlow(BrokenRequest):
    """The headers did not arrive in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the headers were not complete after {seconds:g} s")


class MethodUnknown(BrokenRequest):
    """No such method is known here."""

    def __init__(self) -> None:
        super().__init__("no such method is known here")


class HttpVersionUnknown(BrokenRequest):
    """Only HTTP/1.1 and HTTP/1.0 are spoken here."""

    def __init__(self) -> None:
        super().__init__("send the request as HTTP/1.1")
