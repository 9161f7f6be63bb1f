"""A version's answers for a chunk, on as many threads as there are, and the columns that are written of them."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from mlyard_shared.engines import Answers, OpenVersion
from mlyard_shared.errors import NotComputable
from mlyard_shared.manifest import Manifest

from mlyard_training_pipeline.batch.request import Job, ScoringError
from mlyard_training_pipeline.batch.rows import Chunk, Refusal
from mlyard_training_pipeline.data.columns.cells import Array

_PIECE = 2_000
"""So many rows are one thread's at a time: as many as a version answers at once."""

ROW = "row"
"""The column that tells rows apart where no other does: their number in the table, from 1 on."""

_NONE_GIVEN = "the model gives no probabilities: do not ask for them"
MOMENT = pa.timestamp("us", tz="UTC")


class Answered(NamedTuple):
    """The rows of a chunk with an answer, as they are written, and those that the model does not take."""

    table: Any
    refusals: list[Refusal]


class Scorer:
    """Answers for chunks on several threads; a context manager's resource, to be closed."""

    def __init__(self, version: OpenVersion, job: Job, schema: Any, *, threads: int) -> None:
        """Answer by this version for a job, into tables of this schema."""
        self._version, self._job, self._schema = version, job, schema
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="scoring")

    def answer(self, chunk: Chunk) -> Answered:
        """Answer for the rows of a chunk that are not refused.

        Raises:
            ModelFailed: the version fails.
        """
        rows = np.flatnonzero(~chunk.wrong)
        pieces = [rows[first : first + _PIECE] for first in range(0, len(rows), _PIECE)]
        found = list(self._threads.map(lambda piece: self._piece(chunk, piece), pieces))
        refusals = [refusal for piece in found for refusal in piece.refusals]
        tables = [self._table(chunk, piece.rows, piece.answers) for piece in found if piece.answers is not None]
        table = pa.concat_tables(tables) if tables else self._schema.empty_table()
        return Answered(table.combine_chunks(), sorted([*chunk.refusals, *refusals]))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _piece(self, chunk: Chunk, rows: Array) -> "_Piece":
        refusals = []
        while len(rows):
            whole = len(rows) == rows[-1] - rows[0] + 1
            part: Any = slice(rows[0], rows[-1] + 1) if whole else rows
            try:
                answers = self._version.predict({name: values[part] for name, values in chunk.columns.items()})
            except NotComputable as error:
                refusals.append(Refusal(chunk.first + int(rows[error.row]) + 1, "", str(error)))
                rows = np.delete(rows, error.row)
            else:
                return _Piece(rows, answers, refusals)
        return _Piece(rows, None, refusals)

    def _table(self, chunk: Chunk, rows: Array, answers: Answers) -> Any:
        job, kinds = self._job, self._schema
        arrays = [values.take(pa.array(rows)) for values in chunk.ids.values()]
        if not arrays:
            arrays = [pa.array(chunk.first + rows + 1, pa.int64())]
        classes = answers.classes
        labels = pa.array(answers.predictions)
        arrays.append(pa.array(classes, kinds.field("prediction").type).take(labels) if classes else labels)
        if job.request.probabilities:
            if answers.probabilities is None:
                raise ScoringError(_NONE_GIVEN)
            arrays += [pa.array(column.astype(np.float64)) for column in answers.probabilities.T]
        constants = (job.request.model, job.version, job.scored_at)
        names = ("model", "version", "scored_at")
        arrays += [
            pa.repeat(pa.scalar(value, kinds.field(name).type), len(rows))
            for name, value in zip(names, constants, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=kinds)


class _Piece(NamedTuple):
    rows: Array
    answers: Answers | None
    refusals: list[Refusal]


def output_schema(manifest: Manifest, id_types: dict[str, Any], *, probabilities: bool) -> Any:
    """The columns that are written: what tells the rows apart, the answers, the version and the time.

    Raises:
        ScoringError: two of them would have the same name, or the model has no probabilities.
    """
    if probabilities and manifest.task == "regression":
        raise ScoringError("the model predicts a number, which has no probabilities: do not ask for them")
    if probabilities and manifest.contract > 1 and manifest.decision is None:
        raise ScoringError(_NONE_GIVEN)
    fields = list(id_types.items()) or [(ROW, pa.int64())]
    fields.append(("prediction", _label_type(manifest.classes)))
    if probabilities:
        fields += [(f"probability_{_label(label)}", pa.float64()) for label in manifest.classes]
    fields += [("model", pa.string()), ("version", pa.int64()), ("scored_at", MOMENT)]
    if twice := _twice(name for name, _ in fields):
        raise ScoringError(f"two columns of the output would be called {twice!r}: tell the rows apart by other ids")
    return pa.schema(fields)


def _label_type(classes: tuple[Any, ...]) -> Any:
    if not classes:
        return pa.float64()
    kinds = {type(label) for label in classes}
    return {bool: pa.bool_(), int: pa.int64()}.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()


def _label(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
