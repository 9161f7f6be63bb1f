"""The API's own errors, and the one table from every error to its HTTP status.

MlyardError
├── CacheUnusable             the cache folder cannot be written
├── ModelUnknown              no such model is configured or has a champion
├── ModelNotReady             the model is expected, and no version of it serves yet
├── Overloaded                too many requests wait for the prediction thread
├── NotComputable             the model has no finite answer for these values
└── RequestRefused
    ├── KeyRefused            no bearer key, or a wrong one
    ├── BodyTooLarge
    ├── TooManyRows
    ├── MediaTypeRefused      the body is not said to be JSON
    ├── BrokenBody            the body is not JSON
    └── InputRefused          the document breaks the model's schema
"""

from collections.abc import Sequence

from mlyard_shared import errors as shared
from mlyard_shared.contract import Contract
from mlyard_shared.errors import MlyardError


class Problem(Contract):
    """One thing that is wrong in a request: where, and what would be right. It never holds a value of the data."""

    code: str
    message: str
    row: int | None = None
    column: str | None = None


class CacheUnusable(MlyardError):
    """The cache folder cannot be written."""

    def __init__(self, folder: object, cause: str) -> None:
        super().__init__(
            f"the cache folder {folder} cannot be written ({cause}): free it, or set MLYARD_MODEL_API_CACHE"
        )


class ModelUnknown(MlyardError):
    """No such model is configured or has a champion."""

    def __init__(self, served: Sequence[str]) -> None:
        super().__init__(f"no such model; served are: {', '.join(served) or 'none'}")


class ModelNotReady(MlyardError):
    """The model is expected, and no version of it serves yet."""


class Overloaded(MlyardError):
    """Too many requests wait for the prediction thread."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} requests are waiting already; try again in a moment")


class NotComputable(MlyardError):
    """The model has no finite answer for these values."""

    def __init__(self, message: str, *, row: int | None = None) -> None:
        self.row = row
        super().__init__(message)


class RequestRefused(MlyardError):
    """The request itself is wrong."""


class KeyRefused(RequestRefused):
    """No bearer key, or a wrong one."""

    def __init__(self) -> None:
        super().__init__("send the key of this API in the header Authorization: Bearer <key>")


class BodyTooLarge(RequestRefused):
    """The body has more bytes than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes: send fewer rows at once")


class TooManyRows(RequestRefused):
    """The body has more rows than the limit."""

    def __init__(self, rows: int, limit: int) -> None:
        super().__init__(f"there are {rows} rows, and at most {limit} are taken: send fewer at once")


class MediaTypeRefused(RequestRefused):
    """The body is not said to be plain JSON."""


class BrokenBody(RequestRefused):
    """The body is not JSON."""


class InputRefused(RequestRefused):
    """The document breaks the model's schema; holds the first problems, in the order of the rows."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems[0].message)


STATUS: dict[type[MlyardError], tuple[int, str]] = {
    MlyardError: (500, "internal_error"),
    shared.SettingsError: (500, "internal_error"),
    shared.SpecError: (500, "internal_error"),
    shared.TableError: (500, "internal_error"),
    shared.SourceUnavailable: (500, "internal_error"),
    shared.TrainingError: (500, "internal_error"),
    shared.ModelVersionRefused: (503, "model_not_ready"),
    shared.DigestMismatch: (503, "model_not_ready"),
    shared.RegistryError: (503, "registry_unavailable"),
    shared.RegistryUnavailable: (503, "registry_unavailable"),
    shared.RegistryDenied: (503, "registry_unavailable"),
    shared.ModelNotFound: (503, "registry_unavailable"),
    shared.ExperimentMissing: (503, "registry_unavailable"),
    shared.RunMissing: (503, "registry_unavailable"),
    shared.ArtifactMissing: (503, "registry_unavailable"),
    shared.PromotionConflict: (503, "registry_unavailable"),
    CacheUnusable: (500, "internal_error"),
    ModelUnknown: (404, "model_unknown"),
    ModelNotReady: (503, "model_not_ready"),
    Overloaded: (503, "overloaded"),
    NotComputable: (422, "not_computable"),
    RequestRefused: (400, "bad_request"),
    KeyRefused: (401, "key_refused"),
    BodyTooLarge: (413, "body_too_large"),
    TooManyRows: (413, "too_many_rows"),
    MediaTypeRefused: (415, "media_type_refused"),
    BrokenBody: (400, "broken_body"),
    InputRefused: (422, "input_refused"),
}
"""Status and code of each error. An `InputRefused` is answered with the code of its first problem."""


def problems(error: MlyardError) -> tuple[Problem, ...]:
    """What an error says to a client, the main problem first; nothing of an error that is ours."""
    status, code = STATUS[type(error)]
    if isinstance(error, InputRefused):
        return error.problems
    message = str(error) if status != 500 else "the request failed inside of the API; its log says why"
    return (Problem(code=code, message=message, row=getattr(error, "row", None)),)
