import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_training_pipeline.data.sources import open_table

A = "a,b\n1,2\n"
BOTH = {"a": ["1", "3"], "b": ["2", "4"]}


def test_a_folder_is_read_in_the_order_of_its_files_whatever_the_order_of_their_columns(read: Any) -> None:
    assert read({"2.csv": "b,a\n4,3\n", "1.csv": A}, name="d").to_pydict() == BOTH


@pytest.mark.parametrize("name", ["2.csv.gz", "2.CSV.GZ", "2.tsv", "2.csv.zst", "2.CSV"])
def test_every_file_of_a_folder_counts(read: Any, name: str) -> None:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(b"a,b\n3,4\n")
    kinds = {
        "2.csv.gz": gzip.compress(b"a,b\n3,4\n"),
        "2.tsv": "a\tb\n3\t4\n",
        "2.csv.zst": sink.getvalue().to_pybytes(),
    }
    content = kinds.get(name.lower(), "a,b\n3,4\n")
    assert read({"1.csv": A, name: content}, name="d").to_pydict() == BOTH


HIDDEN = [
    ".x.csv",
    "._1.csv",
    ".DS_Store",
    "_SUCCESS",
    "_metadata",
    "_started_12",
    ".1.csv.crc",
    "~$1.csv",
    "Thumbs.db",
    "spec.toml",
]


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_files_and_specs_are_left_alone(read: Any, name: str) -> None:
    assert read({"1.csv": A, "2.csv": "a,b\n3,4\n", name: b"\0\0"}, name="d").to_pydict() == BOTH


def test_hidden_folders_are_left_alone(read: Any) -> None:
    hidden = {".ipynb_checkpoints": {"1.csv": A}, "_temporary": {"x": "y"}}
    assert read({"1.csv": A, "2.csv": "a,b\n3,4\n", **hidden}, name="d").to_pydict() == BOTH


@pytest.mark.parametrize(
    ("other", "message"),
    [
        pytest.param({"n.txt": "x"}, "d/n.txt is not a file of a table", id="another kind"),
        pytest.param({"2.csv.bz2": "x"}, "d/2.csv.bz2 is not a file of a table", id="another compression"),
        pytest.param({"2.xlsx": "x"}, "d/2.xlsx is not a file of a table", id="Excel"),
        pytest.param({"2.csv.bak": A}, "d/2.csv.bak is not a file of a table", id="backup"),
        pytest.param({"_2.csv": A}, "d/_2.csv begins with _", id="hidden by its name alone"),
        pytest.param({"2.csv": ""}, "d/2.csv is empty", id="empty"),
        pytest.param({"sub": {"2.csv": A}}, "d/sub is a folder within the folder of a table", id="folder"),
        pytest.param({"sub": {"y=1": {"2.csv": A}}}, "d/sub is a folder within", id="partitions in a folder"),
        pytest.param(
            {"2.csv": "a,c\n1,2\n"}, "d/2.csv has other columns than d/1.csv: it lacks 'b' and has 'c'", id="columns"
        ),
        pytest.param({"2.csv": "a,b,c\n1,2,3\n"}, "it has 'c' besides", id="one more column"),
        pytest.param(
            {"y=1": {"2.csv": A}}, "d/y=1/2.csv has other columns than d/1.csv: it has 'y' besides", id="mixed"
        ),
        pytest.param(
            {"_delta_log": {"0.json": ""}}, "d is a Delta Lake table, in which not every file counts", id="Delta"
        ),
        pytest.param({".hoodie": {"x": ""}}, "d is a Hudi table", id="Hudi"),
        pytest.param(
            {"2.parquet": pa.table({"a": [1], "b": [2]})}, "column 'a' holds int64, but string in d/1.csv", id="types"
        ),
    ],
)
def test_what_does_not_count_in_a_folder_is_named(refused: Any, other: Any, message: str) -> None:
    assert message in refused({"1.csv": A, **other}, name="d")


@pytest.mark.parametrize("content", [{".x": ""}, {"_SUCCESS": ""}, {"y=1": {"_SUCCESS": ""}}])
def test_a_folder_without_a_table_is_refused(refused: Any, content: Any) -> None:
    assert "d has no file of a table" in refused(content, name="d")


def test_partitions_are_columns_of_text(read: Any) -> None:
    content = {"y=2023": {"m=1": {"1.csv": A}, "m=2": {"1.csv": A}}, "y=2024": {"m=1": {"1.csv": A, "2.csv": A}}}
    found = read(content, name="d")
    assert found.column_names == ["a", "b", "y", "m"]
    assert found["y"].to_pylist() == ["2023", "2023", "2024", "2024"]
    assert found["m"].to_pylist() == ["1", "2", "1", "1"]


def test_partitions_are_read_as_hive_writes_them(read: Any) -> None:
    content = {
        f"city={value}": {"1.csv": A} for value in ("K%C3%B6ln%2FBonn", "NA", "__HIVE_DEFAULT_PARTITION__", "x=y")
    }
    assert read(content, name="d")["city"].to_pylist() == ["Köln/Bonn", None, None, "x=y"]


def test_partitions_of_parquet_files_are_read(read: Any) -> None:
    content = {f"year={year}": {"part-0.parquet": pa.table({"id": [year]})} for year in (2023, 2024)}
    assert read(content, name="d").to_pydict() == {"id": [2023, 2024], "year": ["2023", "2024"]}


def test_the_name_of_a_partition_is_read_in_one_unicode_form(read: Any) -> None:
    assert read({"gro\u0308ße=1": {"1.csv": A}}, name="d").column_names == ["a", "b", "größe"]


def test_a_file_whose_name_is_not_text_is_read(read: Any) -> None:
    undecodable = "\udcff"
    found = read({f"1{undecodable}.csv": A, f"2{undecodable}.csv.gz": gzip.compress(b"a,b\n3,4\n")}, name="d")
    assert found.to_pydict() == BOTH
    assert read({f"{undecodable}.parquet": pa.table({"a": [1]})}, name="p").to_pydict() == {"a": [1]}


@pytest.mark.parametrize("content", [{"a=1": {"1.csv": A}}, {"y=1": {"y=2": {"1.csv": A}}}])
def test_a_partition_with_the_name_of_a_column_is_refused(refused: Any, content: Any) -> None:
    assert "is in the file and in the name of its folder" in refused(content, name="d")


def test_a_header_alone_is_a_file_without_rows(read: Any) -> None:
    assert read({"1.csv": A, "2.csv": "a,b\n", "3.csv": "a,b\n3,4\n"}, name="d").to_pydict() == BOTH


def test_a_fault_names_its_file_and_line(refused: Any) -> None:
    assert refused({"1.csv": A, "2.csv": "a,b\n1,2\n3\n"}, name="d").startswith("d/2.csv, line 3: the row has 1 cell")


@pytest.mark.parametrize("name", ["t.txt", "t.xlsx", "t", "csv"])
def test_a_file_of_another_kind_is_refused(refused: Any, name: str) -> None:
    said = refused(A, name=name)
    assert said.startswith(f"{name} is not a file of a table, which are .csv,")


def path_refused(path: str, folder: Path, spec: Any) -> str:
    with pytest.raises(TableError) as caught:
        open_table(spec(source={"path": path}), folder, {})
    return str(caught.value)


@pytest.mark.parametrize("path", ["absent.csv", "t.csv/x.csv", "no/such/folder"])
def test_a_path_that_is_not_there_is_refused(spec: Any, tmp_path: Path, path: str) -> None:
    (tmp_path / "t.csv").write_text(A)
    assert path_refused(path, tmp_path, spec).endswith(
        f"{path} does not exist; source.path starts at the folder of the spec"
    )


def test_links_that_lead_nowhere_are_refused(spec: Any, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/lost.csv").symlink_to("gone.csv")
    assert "is a symbolic link to nothing: gone.csv does not exist" in path_refused("d", tmp_path, spec)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    assert "loop.csv cannot be read: Too many levels of symbolic links" in path_refused("loop.csv", tmp_path, spec)
    (tmp_path / "d/lost.csv").unlink()
    (tmp_path / "d/y=1").symlink_to(tmp_path / "d")
    assert path_refused("d", tmp_path, spec).endswith("d/y=1 is a link to a folder that it lies in: take it out")


def test_what_is_not_a_plain_file_is_refused(spec: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    assert path_refused("t.csv", tmp_path, spec).endswith("t.csv is not a file")
    assert "cannot be read" in path_refused("a\0b.csv", tmp_path, spec)
    assert "cannot be read: File name too long" in path_refused("x" * 300 + ".csv", tmp_path, spec)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Act as a user who may not read every file, as root may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "d"])
def test_what_this_user_may_not_read_is_refused(spec: Any, name: str) -> None:
    # What is imported only now may not be readable either.
    from mlyard_training_pipeline.data.sources import parquet  # noqa: F401
    from mlyard_training_pipeline.data.sources.delimited import reader  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, name)
        path.mkdir() if name == "d" else path.touch()
        path.chmod(0)
        with as_nobody():
            said = path_refused(name, Path(folder), spec)
    assert said == f"{path} cannot be read: Permission denied"
