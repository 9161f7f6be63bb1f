"""A table as a stream of batches, and the files of a folder as one stream."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.sources.arrow_types import converted, joined_type


@dataclass(frozen=True)
class TableStream:
    """A table that is read once, batch by batch.

    Every batch has the schema, and the columns have plain types: those of a CSV file are text. `origin` names the
    table in a message. Iterating raises TableError for what is found only then.
    """

    schema: Any
    batches: Iterator[Any]
    origin: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(self.schema.names)

    def with_constants(self, values: Sequence[tuple[str, str | None]]) -> "TableStream":
        """The same rows with more columns, each of which has one text or null in every row.

        Raises:
            TableError: there is a column of that name.
        """
        if not values:
            return self
        known = set(self.names)
        for name, _ in values:
            if name in known:
                raise TableError(
                    f"{self.origin}: column {name!r} is in the file and in the name of its folder: rename one"
                )
            known.add(name)
        schema = pa.schema([*self.schema, *((name, pa.string()) for name, _ in values)])
        return replace(self, schema=schema, batches=_with_constants(self.batches, schema, [text for _, text in values]))


def joined(streams: Sequence[TableStream], origin: str) -> TableStream:
    """One stream of several with the same columns, in the order of the first one's.

    Raises:
        TableError: one has other columns, or a column has types that do not go together.
    """
    first = streams[0]
    for stream in streams[1:]:
        _check_same_columns(stream, first)
    schema = pa.schema([(name, _joined_column(name, streams)) for name in first.names])
    return TableStream(schema, (batch for stream in streams for batch in _as(schema, stream)), origin)


def _check_same_columns(stream: TableStream, first: TableStream) -> None:
    lacking = [name for name in first.names if name not in stream.names]
    added = [name for name in stream.names if name not in first.names]
    if lacking or added:
        parts = [f"lacks {', '.join(map(repr, lacking))}"] * bool(lacking)
        parts += [f"has {', '.join(map(repr, added))} besides"] * bool(added)
        raise TableError(
            f"{stream.origin} has other columns than {first.origin}: it {' and '.join(parts)}; all files of a folder "
            "need the same"
        )


def _joined_column(name: str, streams: Sequence[TableStream]) -> Any:
    kind = joined_type([stream.schema.field(name).type for stream in streams])
    if kind is None:
        first = streams[0]
        known = first.schema.field(name).type
        other = next(s for s in streams if joined_type([known, s.schema.field(name).type]) is None)
        raise TableError(
            f"{other.origin}: column {name!r} holds {other.schema.field(name).type}, but {known} in {first.origin}: "
            "write both files with the same type"
        )
    return kind


def _as(schema: Any, stream: TableStream) -> Iterator[Any]:
    for batch in stream.batches:
        columns = [_column(batch.column(field.name), field, stream.origin) for field in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(array: Any, field: Any, origin: str) -> Any:
    try:
        return converted(array, field.type)
    except pa.ArrowException as error:
        raise TableError(
            f"{origin}: column {field.name!r} has a value that does not fit {field.type}, as which other files hold "
            f"it: {str(error).splitlines()[0]}"
        ) from None


def _with_constants(batches: Iterator[Any], schema: Any, texts: Sequence[str | None]) -> Iterator[Any]:
    for batch in batches:
        added = [pa.repeat(pa.scalar(text, pa.string()), batch.num_rows) for text in texts]
        yield pa.RecordBatch.from_arrays([*batch.columns, *added], schema=schema)
