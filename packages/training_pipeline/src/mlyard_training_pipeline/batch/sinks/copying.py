"""Rows of Arrow into a database's table: PostgreSQL's COPY where the driver has it, else many at a time."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy
from pyarrow import csv
from sqlalchemy import exc

_TEXT = sqlalchemy.Text()
_AT_ONCE = 10_000
"""So many rows are Python objects at a time."""


def column_type(kind: Any) -> Any:
    """The type of a database's column for an Arrow type; what databases have no like of is text."""
    if pa.types.is_boolean(kind):
        return sqlalchemy.Boolean()
    if pa.types.is_uint64(kind):
        return sqlalchemy.Numeric(20, 0)
    if pa.types.is_integer(kind):
        return sqlalchemy.BigInteger()
    if pa.types.is_floating(kind):
        return sqlalchemy.Double()
    if pa.types.is_decimal(kind):
        return sqlalchemy.Numeric(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return sqlalchemy.DateTime(timezone=kind.tz is not None)
    return sqlalchemy.Date() if pa.types.is_date(kind) else _TEXT


def copy_rows(connection: sqlalchemy.Connection, table: sqlalchemy.Table, rows: Any) -> None:
    """Add rows to a table, in the transaction that the connection is in."""
    if rows.num_rows == 0:
        return
    plain = pa.Table.from_arrays([_written(column) for column in rows.columns], names=rows.column_names)
    preparer = connection.dialect.identifier_preparer
    name = preparer.format_table(table)
    columns = ", ".join(preparer.quote(column) for column in rows.column_names)
    if connection.dialect.driver == "psycopg2":
        _copy(connection, f"COPY {name} ({columns}) FROM STDIN WITH (FORMAT csv)", plain)
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * rows.num_columns)
    command = f"INSERT INTO {name} ({columns}) VALUES ({marks})"  # noqa: S608 - quoted names, and values apart
    for first in range(0, rows.num_rows, _AT_ONCE):
        part = plain.slice(first, _AT_ONCE)
        connection.exec_driver_sql(command, list(zip(*(column.to_pylist() for column in part.columns), strict=True)))


def _copy(connection: sqlalchemy.Connection, command: str, rows: Any) -> None:
    stream = io.BytesIO()
    # What is empty and not in quotes is null.
    csv.write_csv(rows, stream, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    stream.seek(0)
    driver: Any = connection.connection.dbapi_connection
    kinds: Any = connection.dialect.dbapi
    try:
        with driver.cursor() as cursor:
            cursor.copy_expert(command, stream)
    except kinds.Error as error:
        raise exc.OperationalError(command, None, error, connection_invalidated=driver.closed != 0) from error


def _written(column: Any) -> Any:
    """A column whose values every driver takes: numbers, booleans and texts."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        texts = column.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(texts, "+00:00", "")
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind):
        return column
    return column.cast(pa.string())
