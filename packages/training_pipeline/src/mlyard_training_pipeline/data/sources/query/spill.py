"""Batches whose types are known only at the end, kept in a file until then."""

import struct
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa

from mlyard_training_pipeline.data.sources.arrow_types import converted, joined_type

_IN_MEMORY = 64 << 20
_LENGTH = struct.Struct("<q")


def with_joined_types(names: Sequence[str], batches: Iterator[Sequence[Any]]) -> Iterator[Any]:
    """Read all batches of columns, each with types of its own; yield the schema that holds them, and then the batches.

    Columns whose types do not go together become text.
    """
    kinds: list[dict[Any, None]] = [{} for _ in names]
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        for columns in batches:
            for known, column in zip(kinds, columns, strict=True):
                known[column.type] = None
            _write(pa.RecordBatch.from_arrays(list(columns), names=list(names)), spool)
        joined = [joined_type(list(known)) or pa.string() for known in kinds]
        schema = pa.schema(list(zip(names, joined, strict=True)))
        yield schema
        spool.seek(0)
        while length := spool.read(_LENGTH.size):
            yield _as(schema, spool.read(*_LENGTH.unpack(length)))


def _write(batch: Any, spool: IO[bytes]) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content = sink.getvalue()
    spool.write(_LENGTH.pack(content.size))
    spool.write(content)


def _as(schema: Any, content: bytes) -> Any:
    with pa.ipc.open_stream(content) as reader:
        batch = reader.read_next_batch()
    columns = [converted(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
