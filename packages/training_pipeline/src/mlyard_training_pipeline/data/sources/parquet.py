"""A Parquet file as a stream of batches with its own types."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from pyarrow import parquet

from mlyard_training_pipeline.data.sources.arrow_types import plain, plain_type, without_missing
from mlyard_training_pipeline.data.sources.files import TableFile
from mlyard_training_pipeline.data.sources.names import checked_names, named_columns
from mlyard_training_pipeline.data.sources.stream import TableStream

_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 1 << 16
_MAGIC = b"PAR1"
_UNNAMED = re.compile(r"__index_level_\d+__")
"""How pandas calls an index without a name in a file."""


def open_parquet(file: TableFile, spec: ModelSpec) -> TableStream:
    """Read the columns now, and the rows when they are asked for.

    pandas' index is a column where it has a name, also where the file holds it as a range; without a name it is left
    out, unless the spec names the column that it is stored in.

    Raises:
        TableError: the file is not Parquet or damaged.
    """
    with _opened(file.path) as reader:
        stored, rows = reader.schema_arrow, reader.metadata.num_rows
    unnamed, ranges = _pandas_index(stored, rows)
    kept = [name for name in stored.names if name not in unnamed - named_columns(spec)]
    ranges = {name: found for name, found in ranges.items() if name not in kept}
    names = checked_names([*kept, *ranges], str(file.path))
    types = [plain_type(field.type) for field in stored if field.name in kept] + [pa.int64()] * len(ranges)
    schema = pa.schema(list(zip(names, types, strict=True)))
    return TableStream(schema, _batches(file.path, kept, ranges, schema, spec.source.missing), str(file.path))


def _batches(
    path: Path, kept: list[str], ranges: dict[str, range], schema: Any, missing: tuple[str, ...]
) -> Iterator[Any]:
    first = 0
    for batch in _stored_batches(path):
        columns = []
        for name in kept:
            column = plain(batch.column(name))
            _check_text(column, name, first, path)
            columns.append(without_missing(column, missing))
        columns += [_part(index, first, batch.num_rows) for index in ranges.values()]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        first += batch.num_rows


def _stored_batches(path: Path) -> Iterator[Any]:
    with _opened(path) as reader:
        facts = reader.metadata
        groups = [facts.row_group(group) for group in range(facts.num_row_groups)]
        largest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1)
        rows = max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(largest, 1))))
        with _explained(path):
            yield from reader.iter_batches(batch_size=rows)


def _opened(path: Path) -> Any:
    with _explained(path):
        # INT96, as older Spark and Impala write times, would wrap beyond the year 2262 in nanoseconds.
        raw = pa.OSFile(os.fsencode(path))
        return parquet.ParquetFile(raw, coerce_int96_timestamp_unit="us", page_checksum_verification=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise TableError(f"{path}: a column's name is not UTF-8: write the file again") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise TableError(f"{path} cannot be read: {os.strerror(error.errno)}") from None
        raise TableError(f"{path} {_problem(path, error)}") from None


def _problem(path: Path, error: Exception) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
        stream.seek(max(0, path.stat().st_size - 4))
        end = stream.read(4)
    if not start:
        return "is empty"
    if b"PARE" in (start, end):
        return "is encrypted: write it without encryption"
    if start != _MAGIC:
        return "is not a Parquet file"
    if end != _MAGIC:
        return "is cut off, as files are whose writing was interrupted: write it again"
    if isinstance(error, pa.ArrowNotImplementedError):
        return f"is written in a way that is not read here: {str(error).splitlines()[0]}"
    return "is damaged: write it again"


def _pandas_index(schema: Any, rows: int) -> tuple[set[str], dict[str, range]]:
    """The columns that hold an index without a name, and the named indexes that are kept as ranges alone."""
    unnamed = {name for name in schema.names if _UNNAMED.fullmatch(name)}
    try:
        described = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        indexes, columns = described.get("index_columns", []), described.get("columns", [])
        nameless = {column["field_name"] for column in columns if column["name"] is None}
        ranges = {
            str(index["name"]): range(index["start"], index["stop"], index["step"])
            for index in indexes
            if isinstance(index, dict) and index["name"] is not None
        }
    except (ValueError, KeyError, TypeError, AttributeError):  # another writer's, or an older form
        return unnamed, {}
    unnamed |= {index for index in indexes if isinstance(index, str) and index in nameless}
    # A file that was filtered later keeps the range of what was there before.
    return unnamed, {name: index for name, index in ranges.items() if len(index) == rows}


def _part(index: range, first: int, rows: int) -> Any:
    part = index[first : first + rows]
    return pa.array(np.arange(part.start, part.stop, part.step, dtype=np.int64))


def _check_text(column: Any, name: str, first: int, path: Path) -> None:
    if not pa.types.is_string(column.type):
        return
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        for row, octets in enumerate(column.cast(pa.binary()).to_pylist(), start=first + 1):
            if octets is not None and octets.decode(errors="replace").encode() != octets:
                raise TableError(
                    f"{path}: column {name!r}, row {row} is not UTF-8: write it as UTF-8, or as binary and leave it out"
                ) from None
        raise
