"""Our own protocol: rows in, and for each of them a prediction with an id of its own; one form for every error.

A body is JSON with `{"rows": [{"size": 1.5, ...}, ...]}` or `{"columns": {"size": [1.5, ...], ...}}`, or a table with a
column for each of the schema's: CSV, and where the package's extra `arrow` is installed, Parquet or an Arrow stream, as
its Content-Type says. Whatever the form, cells mean the same, and a refusal names row and column.

An answer has `model`, `version` and in the order of the rows `predictions`, each with an `id` (UUIDv7), a `prediction`
(a class or a number), and what `outputs` says: by default `probabilities` by class (null where there are none), and
where the version has conformal quantiles, `intervals` or `sets` by level. It is JSON, or a table in an Arrow stream
where Accept asks for one.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from mlyard_shared.columns import GRAMMARS
from mlyard_shared.decision import Decision
from mlyard_shared.features import Table
from mlyard_shared.manifest import Manifest
from pydantic_core import to_json

from mlyard_model_api.errors import Problem
from mlyard_model_api.prediction import Columns, Predictions
from mlyard_model_api.protocols import (
    arrow,
    arrow_answers,
    columnar,
    delimited,
    documents,
    media_types,
    native_answers,
    rows,
    typed,
    wrong_rows,
)
from mlyard_model_api.protocols.media_types import ARROW, CSV, JSON, PARQUET
from mlyard_model_api.protocols.outputs import Outputs
from mlyard_model_api.protocols.protocol import QUICK_BYTES, QUICKEST_BYTES, Answer, Headers

LONG_HEADERS = 512
"""What is longer is read anew each time, so that nobody fills the memory with it."""


class _Form(NamedTuple):
    """What the headers and the query of a request say."""

    given: str
    wanted: str
    outputs: Outputs


class NativeCall:
    """One request of ours."""

    def __init__(self, form: _Form) -> None:
        """Begin with what its headers and its query say."""
        self._form = form
        self._rule: Decision | None = None

    @property
    def preparation(self) -> Callable[[], None] | None:
        """The import of what reads or writes Arrow."""
        is_arrow = self._form.given in (PARQUET, ARROW) or self._form.wanted == ARROW
        return arrow.preparation() if is_arrow else None

    def quick_bytes(self, manifest: Manifest) -> int:
        """More of JSON and of numbers in Arrow than of other tables, where texts may be shorter than what they mean."""
        given = self._form.given
        is_quick = given == JSON or (given == ARROW and not columnar.layout_of(manifest.input_schema).others)
        return QUICKEST_BYTES if is_quick else QUICK_BYTES

    def decode(self, body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
        """Return the columns; raises `RequestRefused`."""
        self._form.outputs.check(manifest)
        self._rule = manifest.decision
        return _READERS[self._form.given](body, manifest, max_rows)

    def encode(self, predictions: Predictions) -> Answer:
        """Return the answer for all rows; raises `InputRefused` where it lacks what was asked for."""
        outputs = self._form.outputs
        if self._form.wanted == ARROW:
            return Answer(arrow_answers.encode(predictions, outputs, self._rule), media_type=ARROW.encode())
        return Answer(native_answers.encode(predictions, outputs, self._rule))


class Native:
    """Our own protocol, for the routes."""

    name = "native"

    def open(self, headers: Headers, query: bytes) -> NativeCall:
        """Begin with a request; raises `MediaTypeRefused`, `NotAcceptable` and `QueryRefused`."""
        types: tuple[bytes, ...] = ()
        accept: tuple[bytes, ...] = ()
        for name, value in headers:
            if name == b"content-type":
                types += (value,)
            elif name == b"accept":
                accept += (value,)
        if sum(map(len, (*types, *accept, query))) > LONG_HEADERS:
            return NativeCall(_form(types, accept, query))
        return NativeCall(_known_form(types, accept, query))

    def refuse(self, status: int, code: str, problems: Sequence[Problem]) -> Answer:  # noqa: ARG002 - problems have both
        """Return the first problem, and all of them where they have places or are several."""
        first = problems[0]
        listed = problems if len(problems) > 1 or first.row is not None or first.column is not None else ()
        document = {"error": {**first.model_dump(), "problems": [problem.model_dump() for problem in listed]}}
        return Answer(to_json(document))


PROTOCOL = Native()


def decode(body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Columns:
    """Return the columns of a body in JSON.

    Raises:
        RequestRefused: it is not JSON, is too large for the model, or breaks its schema.
    """
    reader, schema = typed.reader(manifest), manifest.input_schema
    found = reader.attempt(body, max_rows=max_rows)
    if isinstance(found, Table):
        return found
    if found is not None:
        wrong_rows.reader(manifest).check(body, fitting=found, max_rows=max_rows)
        values = reader.values(body, max_rows=max_rows)
        if values is not None:
            return rows.read({"columns": values}, schema, GRAMMARS[manifest.grammar], max_rows=max_rows)
    document = documents.parse(body, rows=max_rows, columns=len(schema.columns))
    return rows.read(document, schema, GRAMMARS[manifest.grammar], max_rows=max_rows)


def _form(types: tuple[bytes, ...], accept: tuple[bytes, ...], query: bytes) -> _Form:
    given = media_types.content_type(types, tuple(_READERS))
    if given in (PARQUET, ARROW):
        arrow.check_installed()
    offered = (JSON, ARROW) if arrow.is_installed() else (JSON,)
    return _Form(given, media_types.accepted(accept, offered), Outputs.of(query))


_known_form = lru_cache(maxsize=1024)(_form)

_READERS: dict[str, Callable[[Any, Manifest, int], Columns]] = {
    JSON: lambda body, manifest, most: decode(body, manifest, max_rows=most),
    CSV: lambda body, manifest, most: delimited.read(
        body, manifest.input_schema, GRAMMARS[manifest.grammar], max_rows=most
    ),
    PARQUET: lambda body, manifest, most: arrow.read_parquet(body, manifest, max_rows=most),
    ARROW: lambda body, manifest, most: arrow.read_stream(body, manifest, max_rows=most),
}
