"""The file of a snapshot, read column by column and run by run: never more of it in memory than a run of one column."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from mlyard_training_pipeline.data.columns.cells import Cells


class Column(NamedTuple):
    """A column of a snapshot: `kind` is the Arrow type that its cells are stored as."""

    table: "Table"
    name: str
    kind: Any

    def runs(self) -> Iterator[Cells]:
        """The cells, in runs of consecutive rows."""
        return self.table.runs(self.name)


class Table:
    """A Parquet file with a row number and a type for each cell, and no meaning yet."""

    def __init__(self, file: Path | pa.Buffer) -> None:
        """Open a file, or what would be in one."""
        source = pa.BufferReader(file) if isinstance(file, pa.Buffer) else str(file)
        metadata = parquet.read_metadata(source)
        source = pa.BufferReader(file) if isinstance(file, pa.Buffer) else str(file)
        self._file = parquet.ParquetFile(
            source, metadata=metadata, read_dictionary=_repeating(metadata), pre_buffer=False
        )
        self._schema = self._file.schema_arrow
        self.rows: int = metadata.num_rows
        self.names: list[str] = list(self._schema.names)

    def column(self, name: str) -> Column:
        """A column by its name."""
        kind = self._schema.field(name).type
        return Column(self, name, kind.value_type if pa.types.is_dictionary(kind) else kind)

    def runs(self, name: str) -> Iterator[Cells]:
        """The cells of a column, in runs of consecutive rows."""
        start = 0
        for group in range(self._file.num_row_groups):
            # A name with a dot is also that of its column's part, so that others may come along.
            column = self._file.read_row_group(group, columns=[name], use_threads=False).column(name)
            chunks = column.unify_dictionaries().chunks
            if len(column):
                # One run a group, so that the runs of several columns are of the same rows.
                yield Cells.of(chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks), start)
            start += len(column)


def _repeating(metadata: Any) -> list[str]:
    """The columns of texts that are stored by a dictionary."""
    if metadata.num_row_groups == 0:
        return []
    group = metadata.row_group(0)
    stored = (group.column(position) for position in range(group.num_columns))
    return [
        column.path_in_schema
        for column in stored
        if column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page
    ]
