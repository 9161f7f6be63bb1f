"""The table that a spec names: CSV, Parquet or a query, as one Arrow table with a column for each name.

The cells of a CSV file stay text here, with nulls for what the spec calls missing: what they mean is read by `table`,
so that the snapshot holds what was in the file.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from mlyard_shared.errors import SettingsError, TableError
from mlyard_shared.spec import ModelSpec, Source
from pydantic import SecretStr

from mlyard_training_pipeline.settings import PREFIX

SUFFIXES = (".csv", ".parquet")


def read_table(spec: ModelSpec, folder: Path, connections: Mapping[str, SecretStr]) -> Any:
    """Read the whole table.

    Args:
        spec: names the source.
        folder: where the spec lies; a source's path starts there.
        connections: SQLAlchemy URLs by the names that specs use.

    Raises:
        TableError: it is missing, empty, unreadable, or two columns have the same name.
        SettingsError: the connection has no URL.
    """
    source = spec.source
    table = _read_path(source, folder / source.path) if source.path else _read_query(source, connections)
    origin = source.path or f"the query over {source.connection}"
    _check_names(table.column_names, origin)
    if table.num_rows == 0:
        raise TableError(f"{origin} has no rows")
    return table


def _read_path(source: Source, path: Path) -> Any:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not files:
            raise TableError(f"{path} holds no CSV or Parquet file")
    elif path.is_file():
        files = [path]
    else:
        raise TableError(f"{path} does not exist; source.path starts at the folder of the spec")
    tables = [_read_file(source, file) for file in files]
    first = tables[0]
    for file, table in zip(files, tables, strict=True):
        if set(table.column_names) != set(first.column_names) or table.num_columns != first.num_columns:
            raise TableError(f"{file} has other columns than {files[0]}: all files of a folder need the same")
    try:
        return pa.concat_tables([table.select(first.column_names) for table in tables], promote_options="permissive")
    except pa.ArrowException as error:
        raise TableError(f"the files in {path} do not fit together: {_first_line(error)}") from None


def _read_file(source: Source, file: Path) -> Any:
    try:
        if file.suffix.lower() == ".parquet":
            from pyarrow import parquet

            table = parquet.ParquetFile(file).read()
            _check_names(table.column_names, str(file))
            return table
        if file.suffix.lower() == ".csv":
            return _read_csv(source, file)
    except OSError as error:
        raise TableError(f"{file} cannot be read: {error.strerror or _first_line(error)}") from None
    except pa.ArrowException as error:
        raise TableError(f"{file} cannot be read: {_first_line(error)}") from None
    raise TableError(f"{file} is neither .csv nor .parquet")


def _read_csv(source: Source, file: Path) -> Any:
    from pyarrow import csv

    if file.stat().st_size == 0:
        raise TableError(f"{file} is empty")
    parse = csv.ParseOptions(delimiter=source.separator, newlines_in_values=True)
    with csv.open_csv(file, parse_options=parse) as reader:
        names = reader.schema.names
    _check_names(names, str(file))
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        null_values=list(source.missing),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    return csv.read_csv(file, parse_options=parse, convert_options=convert)


def _read_query(source: Source, connections: Mapping[str, SecretStr]) -> Any:
    import sqlalchemy

    name = str(source.connection)
    if name not in connections:
        variable = f"{PREFIX}CONNECTIONS__{name.upper()}"
        raise SettingsError(
            f"connection {name} has no URL: set {variable}, or write a secrets file connections__{name}"
        )
    try:
        engine = sqlalchemy.create_engine(connections[name].get_secret_value(), hide_parameters=True)
    except (sqlalchemy.exc.ArgumentError, ImportError) as error:
        reason = (
            "its driver is not installed" if isinstance(error, ImportError) else "its URL is not one of SQLAlchemy's"
        )
        # The cause would print the URL with its password.
        raise TableError(f"connection {name} cannot be opened: {reason}") from None
    try:
        with engine.connect() as connection:
            result = connection.execute(sqlalchemy.text(str(source.query)))
            names = list(result.keys())
            rows = result.fetchall()
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise TableError(f"the query over {name} failed: {type(cause).__name__}: {_first_line(cause)}") from None
    finally:
        engine.dispose()
    _check_names(names, f"the query over {name}")
    try:
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
        return pa.table({column: pa.array(values) for column, values in zip(names, columns, strict=True)})
    except pa.ArrowException as error:
        raise TableError(f"the result of the query over {name} is no table: {_first_line(error)}") from None


def _check_names(names: list[str], origin: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(f"{origin} has two columns named {twice[0]!r}: rename one")
    nameless = [position for position, name in enumerate(names, start=1) if not name.strip()]
    if nameless:
        raise TableError(f"{origin}: column {nameless[0]} has no name: give it one")


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
