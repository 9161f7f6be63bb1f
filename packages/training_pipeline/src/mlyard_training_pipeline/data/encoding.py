"""A stream of batches as a Parquet file in canonical bytes: the same rows and columns give the same file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import file_digest
from pyarrow import parquet

from mlyard_training_pipeline.data.columns import dates
from mlyard_training_pipeline.data.sources import TableStream

_GROUP_ROWS = 100_000
_GROUP_CELLS = 5_000_000
"""What is in memory at once. The size of a row group follows from the number of columns alone."""

_SAMPLE = 10_000
_REPEATING = 1_000
"""A column of texts with at most this many different ones in the sample is stored by a dictionary."""


class Encoded(NamedTuple):
    """A file that was written."""

    sha256: str
    rows: int
    columns: int
    bytes: int


def write(stream: TableStream, file: Path) -> Encoded:
    """Write a stream into a file, with a row group in memory at most.

    Raises:
        TableError: a column holds what a file cannot keep, or what the stream raises.
    """
    schema = pa.schema([(field.name, _plain_type(field.type)) for field in stream.schema])
    _check_types(schema, stream.origin)
    writer, rows = None, 0
    try:
        for group in _groups(stream, schema):
            if writer is None:
                writer = _writer(file, group)
            writer.write_table(group, row_group_size=group.num_rows)
            rows += group.num_rows
    finally:
        if writer is not None:
            writer.close()
    return Encoded(file_digest(file), rows, len(schema), file.stat().st_size)


def _groups(stream: TableStream, schema: Any) -> Iterator[Any]:
    """The rows in groups of one size, wherever the batches ended."""
    size = max(1_000, min(_GROUP_ROWS, _GROUP_CELLS // max(len(schema), 1)))
    waiting: list[Any] = []
    count = 0
    for batch in stream.batches:
        plain = [_plain(array) for array in batch.columns]
        waiting.append(pa.RecordBatch.from_arrays(plain, schema=schema))
        count += batch.num_rows
        if count >= size:
            table = pa.Table.from_batches(waiting, schema)
            for start in range(0, count - size + 1, size):
                yield table.slice(start, size).combine_chunks()
            rest = table.slice(count // size * size).combine_chunks()
            waiting, count = rest.to_batches(), rest.num_rows
    if count:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()


def _writer(file: Path, first: Any) -> Any:
    sample = first.slice(0, _SAMPLE)
    repeating = [
        name
        for name in first.column_names
        if pa.types.is_string(sample.schema.field(name).type) and pc.count_distinct(sample[name]).as_py() <= _REPEATING
    ]
    # Statistics take a third of the writing, and nobody asks for a part of the rows.
    return parquet.ParquetWriter(
        file, first.schema, version="2.6", compression="zstd", use_dictionary=repeating or False, write_statistics=False
    )


def _plain_type(kind: Any) -> Any:
    """A column's type without what its source chose for storing it."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC" if kind.tz else None)
    if pa.types.is_date64(kind):
        return pa.date32()
    return pa.string() if pa.types.is_null(kind) else kind


def _plain(array: Any) -> Any:
    kind = _plain_type(array.type)
    if kind == array.type:
        return array
    if pa.types.is_timestamp(kind):
        # Arrow's own cast to microseconds wraps, or refuses a column that the model may not even see.
        found = pa.array(dates.stored(array))
        return pc.if_else(array.is_valid(), found, pa.scalar(None, pa.int64())).view(kind)
    return array.cast(kind)


def _check_types(schema: Any, origin: str) -> None:
    for field in schema:
        try:
            parquet.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
        except pa.ArrowException:
            raise TableError(
                f"{origin}: column {field.name!r} holds {field.type}, which a snapshot cannot keep: make it a text or "
                "a number, or leave it out of the table"
            ) from None
