"""Our own protocol: rows or columns in JSON, an answer for each row, and one form for every error."""

import json
from collections.abc import Sequence
from typing import Any

from mlyard_shared.columns import GRAMMARS
from mlyard_shared.manifest import Manifest
from pydantic_core import to_json

from mlyard_model_api.errors import MediaTypeRefused, Problem
from mlyard_model_api.prediction import Columns, Predictions
from mlyard_model_api.protocols import documents, rows, typed
from mlyard_model_api.protocols.protocol import Answer, Headers

MEDIA_TYPE = "application/json"


class NativeCall:
    """One request of ours."""

    def decode(self, body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
        """Return the columns; raises `RequestRefused`."""
        return decode(body, manifest, max_rows=max_rows)

    def encode(self, predictions: Predictions) -> Answer:
        """Return the answer for all rows."""
        return Answer(encode(predictions))


class Native:
    """Our own protocol, for the routes."""

    name = "native"

    def open(self, headers: Headers, query: bytes) -> NativeCall:  # noqa: ARG002 - routes read which version is meant
        """Begin with a request; raises `MediaTypeRefused`."""
        check(_values(headers, b"content-type"))
        return NativeCall()

    def refuse(self, status: int, code: str, problems: Sequence[Problem]) -> Answer:  # noqa: ARG002 - problems have both
        """Say what is wrong."""
        return Answer(refuse(problems))


PROTOCOL = Native()


def check(content_types: Sequence[str]) -> None:
    """See from the headers whether the body can be read, before it is.

    Args:
        content_types: the value of each header Content-Type.

    Raises:
        MediaTypeRefused: it is not said to be plain JSON.
    """
    media_type, *parameters = [part.strip().lower() for part in "".join(content_types[:1]).split(";")]
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
    if len(content_types) != 1 or media_type != MEDIA_TYPE or not set(charsets) <= {"utf-8", "utf8"}:
        raise MediaTypeRefused("send the body as Content-Type: application/json, in UTF-8")


def decode(body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
    """Return the columns of a request.

    Raises:
        RequestRefused: the body is not JSON, is too large for the model, or breaks its schema.
    """
    table = typed.reader(manifest).read(body, max_rows=max_rows)
    if table is not None:
        return table
    schema = manifest.input_schema
    document = documents.parse(body, rows=max_rows, columns=len(schema.columns))
    return rows.read(document, schema, GRAMMARS[manifest.grammar], max_rows=max_rows)


def encode(predictions: Predictions) -> bytes:
    """Return the JSON of a `PredictionAnswer`."""
    probabilities: list[dict[str, float] | None] = [None] * len(predictions.values)
    if predictions.probabilities is not None:
        labels = [label(value) for value in predictions.classes]
        probabilities = [dict(zip(labels, row, strict=True)) for row in predictions.probabilities.tolist()]
    answers = [
        {"id": identity, "prediction": value, "probabilities": by_label}
        for identity, value, by_label in zip(predictions.ids, predictions.values, probabilities, strict=True)
    ]
    version = predictions.version
    return _json({"model": version.name, "version": version.version, "predictions": answers})


def refuse(problems: Sequence[Problem]) -> bytes:
    """Return the JSON of an `ErrorAnswer`: the first problem, and all where they have places or are several."""
    first = problems[0]
    listed = problems if len(problems) > 1 or first.row is not None or first.column is not None else ()
    return _json({"error": {**first.model_dump(), "problems": [problem.model_dump() for problem in listed]}})


def label(value: bool | int | str) -> str:
    """A class as a key of a JSON object: true and false as JSON spells them."""
    return value if isinstance(value, str) else json.dumps(value)


def _json(document: dict[str, Any]) -> bytes:
    # Several times as fast as `json`, which lets no other thread run meanwhile.
    return to_json(document)


def _values(headers: Headers, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]
