"""The Open Inference Protocol V2 over HTTP, with the binary tensor data extension.

Read `v2_requests` (the document), `v2_tensors` (one tensor), `v2_inputs` and `v2_columns` (what they are for), then
`v2_outputs`. Source: kserve/open-inference-protocol, `specification/protocol/inference_rest.md`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.manifest import Manifest
from pydantic_core import to_json

from mlyard_model_api.errors import BrokenBody, Problem, TooManyRows
from mlyard_model_api.prediction import Columns, Predictions
from mlyard_model_api.protocols import documents, media_types, sentences, v2_columns, v2_outputs, v2_quick, v2_requests
from mlyard_model_api.protocols.media_types import JSON
from mlyard_model_api.protocols.protocol import QUICK_BYTES, QUICKEST_BYTES, Answer, Headers
from mlyard_model_api.protocols.v2_outputs import Output
from mlyard_model_api.protocols.v2_requests import InferenceRequest

BYTES = "application/octet-stream"
MOST_NESTED = 200_000
"""So many values may be each in a list of its own, which takes ten times their memory."""
HEADER_LENGTH = b"inference-header-content-length"
_LENGTH = re.compile(rb"[0-9]{1,18}")


class V2Call:
    """One inference request, for which there is nothing to prepare."""

    preparation = None

    def __init__(self, header_length: int | None) -> None:
        """The document has so many bytes, or is the whole body."""
        self._header_length = header_length
        self._request = InferenceRequest(identity=None, inputs=(), outputs=(), binary=False)
        self._outputs: Mapping[str, Output] = {}

    def quick_bytes(self, manifest: Manifest) -> int:  # noqa: ARG002 - whatever the columns are
        """More of tensors than of JSON."""
        return QUICK_BYTES if self._header_length is None else QUICKEST_BYTES

    def decode(self, body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
        """Return the columns; raises `RequestRefused`."""
        self._outputs = v2_outputs.offered(manifest)
        document, behind = parted(body, self._header_length)
        found: tuple[InferenceRequest, Columns] | None
        # Bytes may be any NaN, of which some are signals to NumPy.
        with np.errstate(invalid="ignore"):
            found = v2_quick.reader(manifest).read(document, behind, max_rows=max_rows)
            if found is None:
                found = decode_strictly(document, behind, manifest, max_rows=max_rows)
        self._request, columns = found
        v2_outputs.check(self._request.outputs, self._outputs)
        return columns

    def encode(self, predictions: Predictions) -> Answer:
        """Return the outputs that are wanted."""
        return v2_outputs.encode(predictions, self._request, self._outputs)


class V2:
    """The protocol, for the routes."""

    name = "v2"

    def open(self, headers: Headers, query: bytes) -> V2Call:  # noqa: ARG002 - the address alone says which version
        """Begin with a request.

        Raises:
            MediaTypeRefused: the body is not said to be of this protocol.
            BrokenBody: the length of the document is no number.
        """
        lengths = [value for name, value in headers if name == HEADER_LENGTH]
        types = [value for name, value in headers if name == b"content-type"]
        if types:  # Triton's client sends none
            media_types.content_type(types, (JSON, BYTES) if lengths else (JSON,))
        if not lengths:
            return V2Call(None)
        if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0].strip()) is None:
            raise BrokenBody("Inference-Header-Content-Length must be the number of bytes of the JSON document")
        return V2Call(int(lengths[0]))

    def refuse(self, status: int, code: str, problems: Sequence[Problem]) -> Answer:  # noqa: ARG002 - a text is all
        """Say what is wrong, in one text."""
        return Answer(to_json({"error": sentences.text(problems)}), status=400 if status == 422 else None)


PROTOCOL = V2()


def decode_strictly(
    document: bytes | bytearray, behind: memoryview, manifest: Manifest, *, max_rows: int
) -> tuple[InferenceRequest, Columns]:
    """Return the request, without its inputs, and its columns, as the slow way reads them; raises `RequestRefused`."""
    schema = manifest.input_schema
    width = len(schema.columns)
    try:
        found = documents.parse(
            document,
            # A column may have its missing values beside it, and each tensor has some values more than its data.
            rows=max_rows + 8,
            columns=2 * width,
            lists=min(max_rows * width, MOST_NESTED) + max_rows + 8 * width,
        )
    except TooManyRows:
        fact = f"there are more values than {max_rows} rows of {width} columns have, or {MOST_NESTED} in lists"
        raise TooManyRows(fact) from None
    request = v2_requests.read(found, behind, model=manifest.model)
    v2_outputs.check(request.outputs, v2_outputs.offered(manifest))
    columns = v2_columns.read(request.inputs, schema, GRAMMARS[manifest.grammar], max_rows=max_rows)
    return replace(request, inputs=()), columns


def parted(body: bytes | bytearray, length: int | None) -> tuple[bytes | bytearray, memoryview]:
    """The document, which has so many bytes or is all there is, and what is behind it; raises `BrokenBody`."""
    if length is None or length == len(body):
        return body, memoryview(b"")
    if length > len(body):
        raise BrokenBody(f"the body has {len(body)} bytes, and Inference-Header-Content-Length says {length}")
    return bytes(body[:length]), memoryview(body)[length:]
