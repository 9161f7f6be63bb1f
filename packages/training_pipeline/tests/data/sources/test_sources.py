from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy
from mlyard_shared.errors import SettingsError, TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.sources import read_table
from pyarrow import parquet
from pydantic import SecretStr

Spec = Callable[..., ModelSpec]


def table(made: ModelSpec, folder: Path, **connections: str) -> Any:
    return read_table(made, folder, {name: SecretStr(url) for name, url in connections.items()})


def test_the_cells_of_a_csv_stay_text_and_what_the_spec_calls_missing_is_null(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('zip;n\n"01234";1\n;NA\n-;2\n')
    made = spec(source={"path": "t.csv", "separator": ";", "missing": ["", "-"]})
    assert table(made, tmp_path).to_pydict() == {"zip": ["01234", None, None], "n": ["1", "NA", "2"]}


def test_a_folder_is_read_in_the_order_of_its_files_whatever_the_order_of_their_columns(
    spec: Spec, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/b.csv").write_text("y,x\n4,3\n")
    (tmp_path / "data/a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "data/notes.txt").write_text("not a table")
    assert table(spec(source={"path": "data"}), tmp_path).to_pydict() == {"x": ["1", "3"], "y": ["2", "4"]}


def test_parquet_keeps_its_types(spec: Spec, tmp_path: Path) -> None:
    parquet.write_table(pa.table({"x": [1, None], "y": [True, False]}), tmp_path / "t.parquet")
    assert table(spec(source={"path": "t.parquet"}), tmp_path).schema.types == [pa.int64(), pa.bool_()]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("absent.csv", None, "absent.csv does not exist", id="missing"),
        pytest.param("t.csv", b"", "t.csv is empty", id="empty"),
        pytest.param("t.csv", b"a,b\n", "has no rows", id="header only"),
        pytest.param("t.csv", b"a,a\n1,2\n", "two columns named 'a'", id="duplicate column"),
        pytest.param("t.csv", b"a,\n1,2\n", "column 2 has no name", id="nameless column"),
        pytest.param("t.csv", b"a,b\n1,2\n3\n", "t.csv cannot be read: .*columns", id="ragged rows"),
        pytest.param("t.csv", b"a,b\n\xff\xfe,2\n", "t.csv cannot be read: .*UTF8", id="not UTF-8"),
        pytest.param("t.parquet", b"nonsense", "t.parquet cannot be read", id="no Parquet"),
        pytest.param("t.xlsx", b"x", "neither .csv nor .parquet", id="another format"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_reason(
    spec: Spec, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        table(spec(source={"path": name}), tmp_path)


def test_files_of_a_folder_with_different_columns_are_refused(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("z\n1\n")
    with pytest.raises(TableError, match=r"b.csv has other columns than"):
        table(spec(source={"path": "."}), tmp_path)


def test_a_query_reads_a_table_over_a_named_connection(spec: Spec, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (a INTEGER, b TEXT)"))
        connection.execute(sqlalchemy.text("INSERT INTO t VALUES (1, 'x'), (NULL, 'y')"))
    engine.dispose()
    made = spec(source={"connection": "warehouse", "query": "SELECT * FROM t ORDER BY b"})
    assert table(made, tmp_path, warehouse=url).to_pydict() == {"a": [1, None], "b": ["x", "y"]}


def test_a_connection_without_url_names_its_variable_and_its_file(spec: Spec, tmp_path: Path) -> None:
    made = spec(source={"connection": "warehouse", "query": "SELECT 1"})
    with pytest.raises(SettingsError, match=r"CONNECTIONS__WAREHOUSE.*connections__warehouse"):
        table(made, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite:////nowhere/hunter2/x.db", id="cannot be opened"),
        pytest.param("hunter2", id="no URL"),
        pytest.param("oracle://me:hunter2@host/db", id="no driver"),
    ],
)
def test_no_error_of_a_connection_shows_its_url(spec: Spec, tmp_path: Path, url: str) -> None:
    made = spec(source={"connection": "warehouse", "query": "SELECT * FROM t"})
    with pytest.raises(TableError) as caught:
        table(made, tmp_path, warehouse=url)
    assert "warehouse" in str(caught.value)
    assert "hunter2" not in str(caught.value)
