"""A query over a named connection as a stream of batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy
from mlyard_shared.errors import TableError
from mlyard_shared.spec import Source
from pydantic import SecretStr

from mlyard_training_pipeline.data.sources.arrow_types import without_missing
from mlyard_training_pipeline.data.sources.names import checked_names
from mlyard_training_pipeline.data.sources.query.columns import inferred, typed
from mlyard_training_pipeline.data.sources.query.connection import connected, explained, url_of
from mlyard_training_pipeline.data.sources.query.postgresql import column_types, keep_strange_dates
from mlyard_training_pipeline.data.sources.query.spill import with_joined_types
from mlyard_training_pipeline.data.sources.stream import TableStream

_CELLS = 500_000
"""How many values are Python objects at a time."""


def open_query(source: Source, connections: Mapping[str, SecretStr]) -> TableStream:
    """Send the query now, and read its rows when they are asked for.

    The connection is closed with the last batch, or with the iterator.

    Raises:
        TableError: the query fails, or a column has no name of its own.
        SettingsError: the connection has no URL, or one that cannot be opened here.
    """
    name = str(source.connection)
    batches = _batches(source, name, url_of(name, connections))
    return TableStream(next(batches), batches, f"the query over {name}")


def _batches(source: Source, name: str, url: sqlalchemy.URL) -> Iterator[Any]:
    """The schema, then the batches."""
    with connected(name, url) as connection:
        with explained(name, url):
            if connection.dialect.driver == "psycopg2":
                keep_strange_dates(connection.connection.dbapi_connection)
            result = connection.exec_driver_sql(str(source.query))
            names = checked_names(list(result.keys()), f"the query over {name}")
        known = [None] * len(names)
        if connection.dialect.name == "postgresql":
            known = column_types(result.cursor.description)
        columns = _columns(result, names, known, name, url)
        batches = with_joined_types(names, columns) if None in known else _with_known_types(names, known, columns)
        yield next(batches)
        for batch in batches:
            arrays = [without_missing(column, source.missing) for column in batch.columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _with_known_types(names: Sequence[str], known: Sequence[Any], columns: Iterator[Sequence[Any]]) -> Iterator[Any]:
    schema = pa.schema(list(zip(names, known, strict=True)))
    yield schema
    for arrays in columns:
        yield pa.RecordBatch.from_arrays(list(arrays), schema=schema)


def _columns(
    result: Any, names: Sequence[str], known: Sequence[Any], name: str, url: sqlalchemy.URL
) -> Iterator[Sequence[Any]]:
    size = max(100, min(10_000, _CELLS // len(names)))
    first = 1
    while True:
        with explained(name, url):
            rows = result.fetchmany(size)
        if not rows:
            return
        try:
            yield [
                inferred(column, values, first=first) if kind is None else typed(column, values, kind, first=first)
                for column, kind, values in zip(names, known, zip(*rows, strict=True), strict=True)
            ]
        except TableError as error:
            raise TableError(f"the query over {name}: {error}") from None
        first += len(rows)
