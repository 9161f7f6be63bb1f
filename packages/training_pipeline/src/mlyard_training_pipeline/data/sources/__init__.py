"""The table that a spec names, read as a stream of Arrow batches; `validate` and `run` read by nothing else.

Read in the order of the data: `files` (which files belong to a path), `delimited` (CSV), `parquet` and `query` (one
stream each), `arrow_types` and `stream` (the files of a folder become one stream), `names`. The cells of a CSV file
stay text here: what they mean is read by `data.columns`, so that the snapshot holds what was in the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from pydantic import SecretStr

from mlyard_training_pipeline.data.sources.files import TableFile, table_files
from mlyard_training_pipeline.data.sources.stream import TableStream, joined

__all__ = ["TableStream", "open_table", "read_table"]


def open_table(spec: ModelSpec, folder: Path, connections: Mapping[str, SecretStr]) -> TableStream:
    """Open the table of a spec: its columns are known then, and its rows come batch by batch.

    Args:
        spec: names the source.
        folder: where the spec lies; a source's path starts there.
        connections: SQLAlchemy URLs by the names that specs use.

    Raises:
        TableError: it is missing or cannot be read, and the way out; the batches raise it too, also where there are
            none at all.
        SettingsError: the connection has no URL, or one that cannot be opened here.
    """
    if spec.source.path is not None:
        path = folder / spec.source.path
        files = table_files(path)
        stream = joined([_open_file(file, spec) for file in files], str(path))
    else:
        from mlyard_training_pipeline.data.sources.query import open_query

        stream = open_query(spec.source, connections)
    return replace(stream, batches=_some(stream))


def read_table(spec: ModelSpec, folder: Path, connections: Mapping[str, SecretStr]) -> Any:
    """Read the whole table into memory; for its arguments and errors see `open_table`."""
    stream = open_table(spec, folder, connections)
    return pa.Table.from_batches(stream.batches, stream.schema)


def _open_file(file: TableFile, spec: ModelSpec) -> TableStream:
    if file.kind == "csv":
        from mlyard_training_pipeline.data.sources.delimited.reader import open_csv

        stream = open_csv(file, spec)
    else:
        from mlyard_training_pipeline.data.sources.parquet import open_parquet

        stream = open_parquet(file, spec)
    missing = spec.source.missing
    return stream.with_constants([(name, None if text in missing else text) for name, text in file.partitions])


def _some(stream: TableStream) -> Iterator[Any]:
    found = False
    for batch in stream.batches:
        if batch.num_rows:
            found = True
            yield batch
    if not found:
        raise TableError(f"{stream.origin} has no rows")
