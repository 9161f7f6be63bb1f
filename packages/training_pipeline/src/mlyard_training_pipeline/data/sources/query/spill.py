"""Batches whose types are known only at the end, kept in a file until then."""

import struct
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa

from mlyard_training_pipeline.data.sources.arrow_types import converted, joined_type

_IN_MEMORY = 64 << 20
_LENGTH = struct.Struct("<q")


def with_joined_types(names: Sequence[str], batches: Iterator[Sequence[Any]]) -> tuple[Any, Iterator[Any]]:
    """Read all batches of columns, each with types of its own, and return the schema that holds them, and them again.

    Columns whose types do not go together become text.
    """
    # It is closed, and gone, with the last batch or with the iterator.
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    kinds: list[dict[Any, None]] = [{} for _ in names]
    for columns in batches:
        batch = pa.RecordBatch.from_arrays(list(columns), names=list(names))
        for known, column in zip(kinds, columns, strict=True):
            known[column.type] = None
        _write(batch, spool)
    schema = pa.schema(
        [(name, joined_type(list(known)) or pa.string()) for name, known in zip(names, kinds, strict=True)]
    )
    return schema, _again(spool, schema)


def _write(batch: Any, spool: IO[bytes]) -> None:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content = sink.getvalue()
    spool.write(_LENGTH.pack(content.size))
    spool.write(content)


def _again(spool: IO[bytes], schema: Any) -> Iterator[Any]:
    with spool:
        spool.seek(0)
        while length := spool.read(_LENGTH.size):
            with pa.ipc.open_stream(spool.read(*_LENGTH.unpack(length))) as reader:
                batch = reader.read_next_batch()
            columns = [converted(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
