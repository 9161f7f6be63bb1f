"""A CSV file as a stream of batches of text, with nulls for what the spec calls missing."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec, Source
from pyarrow import csv

from mlyard_training_pipeline.data.sources.delimited.dialect import Dialect
from mlyard_training_pipeline.data.sources.delimited.encodings import BLOCK, utf8_blocks
from mlyard_training_pipeline.data.sources.delimited.faults import (
    UnevenRow,
    refuse_repeated_header,
    refuse_swallowed_rows,
    refuse_total,
    uneven_row,
)
from mlyard_training_pipeline.data.sources.delimited.header import Header, read_header
from mlyard_training_pipeline.data.sources.delimited.row_numbers import RowNumbers
from mlyard_training_pipeline.data.sources.delimited.separators import (
    check_header_separator,
    check_row_separator,
    separator_of,
)
from mlyard_training_pipeline.data.sources.delimited.whole_rows import Block, whole_rows
from mlyard_training_pipeline.data.sources.files import TableFile
from mlyard_training_pipeline.data.sources.names import as_spelled, checked_names
from mlyard_training_pipeline.data.sources.stream import TableStream

_HEADER_BLOCK = 64 << 10
_LONGEST_HEADER = 4 << 20
LONGEST_ROW = 64 << 20
"""From about this many bytes on a row is refused: it has to be in memory at once, and is most often a mistake."""

_PARSED_AT_ONCE = 1 << 20
"""Bytes that one thread of PyArrow takes."""


class _Opened(NamedTuple):
    start: bytes
    dialect: Dialect
    header: Header
    blocks: Iterator[Block]


def open_csv(file: TableFile, spec: ModelSpec) -> TableStream:
    """Read the header now, and the rows when they are asked for.

    Raises:
        TableError: the line that is wrong, and the way out.
    """
    source = spec.source
    header = _opened(file, source, _HEADER_BLOCK, longest=_LONGEST_HEADER).header
    origin = f"{file.path}, line {header.line}"
    numbered = len(header.names) > 1 and not header.names[0]
    names = checked_names(header.names[1:] if numbered else header.names, origin)
    schema = pa.schema([(name, pa.string()) for name in as_spelled(names, spec)])
    return TableStream(schema, _batches(file, source, schema, numbered=numbered), str(file.path))


def _opened(file: TableFile, source: Source, size: int, *, longest: int) -> _Opened:
    blocks = utf8_blocks(file, source.encoding, size=size)
    start = next(blocks, b"")
    separator, length = separator_of(file, source, start)
    dialect = Dialect(separator, source.quote.encode(), source.multiline)
    check_header_separator(file, dialect, start[length:])
    rows = whole_rows(chain([start[length:]], blocks), dialect, file.path, line=2 if length else 1, longest=longest)
    first = next(rows, Block(1, b"", has_breaks=False))
    return _Opened(start[length:], dialect, read_header(first, dialect, file.path), rows)


def _batches(file: TableFile, source: Source, schema: Any, *, numbered: bool) -> Iterator[Any]:
    _, dialect, header, following = opened = _opened(file, source, BLOCK, longest=LONGEST_ROW)
    columns = ["", *schema.names] if numbered else schema.names
    numbers = RowNumbers(f"{file.path}, line {header.line}")
    cells = [name.strip(" \t") for name in header.names]
    block, batch = header.rest, None
    for block in chain([header.rest], following):
        if block.has_breaks and not dialect.multiline:
            refuse_swallowed_rows(block, len(columns), dialect, file.path)
        first = 0
        for batch in _parsed(block, columns, source, opened, file):
            refuse_repeated_header(batch, cells, first, block, dialect, file.path)
            first += batch.num_rows
            yield numbers.taken_from(batch) if numbered else batch
    if batch is not None:
        refuse_total(batch, block, file.path)


def _parsed(block: Block, columns: list[str], source: Source, opened: _Opened, file: TableFile) -> list[Any]:
    if not block.text.strip(b"\r\n"):
        return []
    at_once = len(block.text) + 1 if block.has_breaks else _PARSED_AT_ONCE
    try:
        return _split(block, columns, source, opened.dialect, at_once)
    except pa.ArrowInvalid:
        uneven = uneven_row(block, len(columns), opened.dialect)
        if uneven is not None:
            check_row_separator(file, opened.dialect, opened.start)
            raise _refusal(uneven, opened, file.path) from None
    try:
        # A cell is longer than what a thread takes.
        return _split(block, columns, source, opened.dialect, len(block.text) + 1)
    except pa.ArrowException as error:
        raise TableError(f"{file.path}, line {block.line}: no columns can be made from here on: {error}") from None


def _split(block: Block, columns: list[str], source: Source, dialect: Dialect, at_once: int) -> list[Any]:
    missing = {text for cell in source.missing for text in (cell, cell.strip())}
    table = csv.read_csv(
        pa.BufferReader(block.text),
        read_options=csv.ReadOptions(column_names=columns, block_size=at_once),
        parse_options=csv.ParseOptions(
            delimiter=dialect.separator.decode(),
            quote_char=dialect.quote.decode() or False,
            newlines_in_values=block.has_breaks,
        ),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=sorted(missing),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # whole_rows did
        ),
    )
    return list(table.to_batches())


def _refusal(row: UnevenRow, opened: _Opened, path: Path) -> TableError:
    header = opened.header
    if len(header.names) == 1:
        way_out = "take out what stands above the header"
    elif row.cells == len(header.names) + 1 and row.ends_empty:
        way_out = "end the header with a separator and a name too, or take the separator at the end of the rows out"
    elif row.cells > len(header.names):
        way_out = f"put a cell that holds {json.dumps(opened.dialect.separator.decode())} in quotes"
    elif row.is_last and next(opened.blocks, None) is None:
        way_out = "complete it, or take it out if it is a total or a note below the table"
    else:
        way_out = "complete it, or take it out"
    cells = "1 cell" if row.cells == 1 else f"{row.cells} cells"
    return TableError(
        f"{path}, line {row.line}: the row has {cells}, but the header on line {header.line} has "
        f"{len(header.names)}: {way_out}"
    )
