import codecs
import contextlib
import encodings.aliases
import gzip
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError

PLAIN = "größe,b\nx,1\nKöln,2\n"
TABLE = {"größe": ["x", "Köln"], "b": ["1", "2"]}


def packed(content: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(content)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "iso8859-15", "utf-16-le", "utf-16-be", "utf-16", "cp850", "utf-7"]
)
def test_the_spec_says_the_encoding(read: Any, encoding: str) -> None:
    assert read(PLAIN.encode(encoding), encoding=encoding).to_pydict() == TABLE


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        pytest.param(codecs.BOM_UTF8, "utf-8", id="utf-8"),
        pytest.param(codecs.BOM_UTF16_LE, "utf-16-le", id="utf-16-le"),
        pytest.param(codecs.BOM_UTF16_BE, "utf-16-be", id="utf-16-be"),
        pytest.param(codecs.BOM_UTF32_LE, "utf-32-le", id="utf-32-le"),
        pytest.param(codecs.BOM_UTF32_BE, "utf-32-be", id="utf-32-be"),
    ],
)
@pytest.mark.parametrize("said", ["utf-8", "cp1252"])
def test_a_byte_order_mark_decides_whatever_the_spec_says(read: Any, mark: bytes, encoding: str, said: str) -> None:
    assert read(mark + PLAIN.encode(encoding), encoding=said).to_pydict() == TABLE


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param("größe,b\nx,1\n".encode("cp1252"), 1, id="header"),
        pytest.param("a,b\nx,1\n\nKöln,2\n".encode("cp1252"), 4, id="cell"),
        pytest.param("a,b\r\nx,1\r\nKöln,2\r\n".encode("cp1252"), 3, id="Windows"),
        pytest.param('a,b\n"x\ny",1\nKöln,2\n'.encode("cp1252"), 4, id="below a cell of two lines"),
        pytest.param(b"a,b\nx," + b"1\nx," * 3_000_000 + "Köln\n".encode("cp1252"), 3_000_002, id="in a later block"),
    ],
)
def test_bytes_of_another_encoding_are_refused_with_their_line(refused: Any, content: bytes, line: int) -> None:
    way_out = 'say which encoding the file has, such as source.encoding = "cp1252"'
    assert refused(content) == f"t.csv, line {line}: its bytes are not utf-8: {way_out}"


def test_bytes_that_are_not_of_the_said_encoding_are_refused_with_their_line(refused: Any) -> None:
    assert "t.csv, line 3: its bytes are not cp1252: " in refused(b"a,b\n1,2\n\x81,2\n", encoding="cp1252")
    assert 'source.encoding = "utf-8"' in refused("a,b\n1,2\n\u00c1,2\n".encode(), encoding="cp1252")
    assert "line 2: its bytes are not shift_jis" in refused(
        "a,b\nあ,2\n".encode("shift_jis")[:-4], encoding="shift_jis"
    )
    assert "line 3" in refused("a,b\n1,2\n3,4\n".encode("utf-16-le")[:-1], encoding="utf-16-le")


def test_no_encoding_that_a_spec_may_name_ends_in_an_error_of_its_own(read: Any, spec: Any) -> None:
    for encoding in sorted(set(encodings.aliases.aliases.values())):
        try:
            spec(source={"path": "t.csv", "encoding": encoding})
        except ValueError:  # not one of text
            continue
        with contextlib.suppress(TableError):
            assert read("a,b\n1,2\n".encode("ascii"), encoding=encoding).num_rows == 1


def test_utf_16_without_a_mark_is_recognised(refused: Any) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert f'say source.encoding = "{encoding}"' in refused("a,b\n1,2\n".encode(encoding))


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_compressed_files_are_read_in_all_their_members(read: Any, codec: str) -> None:
    content = packed(b"a,b\n1,2\n", codec) + packed(b"3,4\n", codec)
    name = {"gzip": "t.csv.gz", "zstd": "T.CSV.ZST"}[codec]
    assert read(content, name=name).to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}


LONG = b"a,b\n" + b"".join(b"%d,%d\n" % (row, row * 7919 % 1000) for row in range(100_000))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("t.csv.gz", gzip.compress(LONG)[:-10], id="gzip without its end"),
        pytest.param("t.csv.gz", gzip.compress(LONG)[:1000], id="gzip cut off"),
        pytest.param("t.csv.gz", gzip.compress(LONG)[:-8] + bytes(8), id="gzip with another checksum"),
        pytest.param("t.csv.gz", b"a,b\n1,2\n", id="not gzip"),
        pytest.param("t.csv.zst", packed(LONG, "zstd")[:-10], id="zstd without its end"),
        pytest.param("t.csv.zst", packed(LONG, "zstd")[:100], id="zstd cut off"),
        pytest.param("t.csv.zst", gzip.compress(LONG), id="not zstd"),
    ],
)
def test_a_broken_compressed_file_is_refused(refused: Any, name: str, content: bytes) -> None:
    kind = "gzip" if name.endswith("gz") else "zstd"
    assert refused(content, name=name) == f"{name} is not {kind}, is damaged or cut off: write it again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(gzip.compress(b"a,b\n"), "is compressed by gzip: let its name end with .gz", id="gzip"),
        pytest.param(packed(b"a,b\n", "zstd"), "is compressed by zstd: let its name end with .zst", id="zstd"),
        pytest.param(b"PAR1", "is a Parquet file", id="parquet"),
        pytest.param(b"BZh91AY&SY", "is compressed by bzip2: unpack it, or compress it by gzip", id="bzip2"),
        pytest.param(b"\xfd7zXZ\0", "is compressed by xz: unpack it, or compress it by gzip", id="xz"),
        pytest.param(b"SQLite format 3\0", "is a SQLite database", id="SQLite"),
        pytest.param(b"%PDF-1.7\n", "is a PDF file: export the table as CSV", id="pdf"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", id="Git LFS"),
        pytest.param(b'[{"a": 1}]', "is JSON: export the table as CSV", id="json"),
        pytest.param(b'{"a": 1}\n{"a": 2}\n', "is JSON: export the table as CSV", id="json lines"),
        pytest.param(b"<!DOCTYPE html>\n<table>", "is HTML or XML: export the table as CSV", id="html"),
        pytest.param(b"PK\x03\x04", "export the table as CSV", id="xlsx"),
        pytest.param(b"\xd0\xcf\x11\xe0", "export the table as CSV", id="xls"),
    ],
)
def test_a_file_of_another_format_is_named(refused: Any, content: bytes, message: str) -> None:
    assert message in refused(content)


def test_a_file_that_is_compressed_twice_is_named(refused: Any) -> None:
    twice = gzip.compress(gzip.compress(b"a,b\n1,2\n"))
    assert refused(twice, name="t.csv.gz") == "t.csv.gz is compressed twice: unpack it once"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_file_that_is_not_of_the_wide_encoding_that_the_spec_says_is_refused(refused: Any, encoding: str) -> None:
    said = refused(b"ab,c\n12,3\n", encoding=encoding)
    assert said == f't.csv is not {encoding}: say which encoding the file has, such as source.encoding = "utf-8"'


@pytest.mark.parametrize(
    ("content", "tried"),
    [
        pytest.param("a,b\nK\u00f6ln,1\n".encode("cp1252") + b"\x81,2\n", ["utf-8", "cp1252", "latin-1"], id="bytes"),
        pytest.param("a,b\n1,2\n".encode("utf-16-le"), ["utf-16", "utf-16-le"], id="no mark"),
    ],
)
def test_advice_on_encodings_never_goes_round_in_circles(
    read: Any, refused: Any, content: bytes, tried: list[str]
) -> None:
    for now, after in pairwise(tried):
        assert refused(content, encoding=now).endswith(f'source.encoding = "{after}"')
    assert read(content, encoding=tried[-1]).num_rows > 0
