"""What a wire format is to the routes: it reads a request into columns, and writes predictions and errors.

It knows no sockets and no ASGI. `native` is the first of them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from mlyard_shared.manifest import Manifest

from mlyard_model_api.errors import Problem
from mlyard_model_api.prediction import Columns, Predictions

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, and values, in the order in which they came."""


QUICK_BYTES, QUICKEST_BYTES = 64 * 1024, 256 * 1024
"""How much a slow reader and a fast one read in one or two milliseconds. A thread would let nothing else run either for
most of that time, and the way to it and back takes longer."""


class Answer(NamedTuple):
    """The body of an answer, what it is, and what its headers say beside that.

    `status` is that of an error, where the protocol has another one for it than ours.
    """

    body: bytes
    media_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    status: int | None = None


class Call(Protocol):
    """One request: it may keep what it read, such as an id or the outputs that are wanted, for its answer."""

    @property
    def preparation(self) -> Callable[[], None] | None:
        """What has to be done once before the first such request, and takes too long for the event loop."""

    def quick_bytes(self, manifest: Manifest) -> int:
        """A body up to this size is decoded in the event loop."""

    def decode(self, body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
        """Return the columns of the body.

        Raises:
            RequestRefused: the body is broken, is too large for the model, or breaks its schema.
        """

    def encode(self, predictions: Predictions) -> Answer:
        """Return the answer."""


class WireProtocol(Protocol):
    """A wire format."""

    @property
    def name(self) -> str:
        """What it is called in metrics and logs."""

    def open(self, headers: Headers, query: bytes) -> Call:
        """Begin with a request, before its body is read.

        Raises:
            RequestRefused: the headers or the query say already that there is no answer.
        """

    def refuse(self, status: int, code: str, problems: Sequence[Problem]) -> Answer:
        """Say what is wrong, in the protocol's own form; there is one problem at the least."""
