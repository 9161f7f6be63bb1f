"""The bytes of a CSV file as UTF-8, block by block: unpacked, decoded, and without its byte order mark."""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.sources.files import TableFile

BLOCK = 4 << 20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EXPORT = "export the table as CSV"
_OTHER_FORMATS = (
    (b"\x1f\x8b", "is compressed by gzip: let its name end with .gz"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd: let its name end with .zst"),
    (b"BZh91AY&SY", "is compressed by bzip2: unpack it, or compress it by gzip"),
    (b"\xfd7zXZ", "is compressed by xz: unpack it, or compress it by gzip"),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it"),
    (b"PAR1", "is a Parquet file: let its name end with .parquet"),
    (b"ARROW1\0", "is an Arrow file: write the table as Parquet or CSV"),
    (b"Obj\x01", "is an Avro file: write the table as Parquet or CSV"),
    (b"PK\x03\x04", f"is a ZIP file, as Excel writes it: {_EXPORT}"),
    (b"\xd0\xcf\x11\xe0", f"is an Excel file: {_EXPORT}"),
    (b"SQLite format 3\0", f"is a SQLite database: {_EXPORT}, or name it as a connection"),
    (b"%PDF-", f"is a PDF file: {_EXPORT}"),
    (b"\x89PNG", f"is a picture: {_EXPORT}"),
    (b"version https://git-lfs", "is a pointer of Git LFS, and not the table: fetch the file with `git lfs pull`"),
)
_OTHER_ENCODINGS = {"utf-8": "cp1252", "cp1252": "latin-1", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
"""What to try after an encoding that was wrong; latin-1 has a character for every byte."""

_MARKUP = (
    (re.compile(rb'\s*(\{\s*"|\[\s*[\[{"])'), f"is JSON: {_EXPORT}"),
    (re.compile(rb"\s*<(!doctype|html|head|body|table|\?xml)\b", re.IGNORECASE), f"is HTML or XML: {_EXPORT}"),
)


def utf8_blocks(file: TableFile, encoding: str, *, size: int = BLOCK) -> Iterator[bytes]:
    """Yield a file's text; what is UTF-8 already is passed on unchecked.

    A byte order mark decides over the encoding.

    Raises:
        TableError: it cannot be read, is damaged or of another format, or its bytes are not of the encoding.
    """
    blocks = _blocks(file, size)
    first = next(blocks, b"")
    _refuse_other_formats(first, file)
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if first.startswith(mark)), (b"", ""))
    codec = codec or codecs.lookup(encoding).name
    first = first[len(mark) :]
    if codec in ("utf-8", "utf-8-sig", "ascii"):
        _refuse_wide(first, file.path)
        yield first
        yield from blocks
    else:
        if not mark:
            _refuse_narrow(first, codec, file.path)
        yield from _decoded(first, blocks, codec, file.path)


def not_decoded(path: Path, line: int, encoding: str, octets: bytes = b"") -> TableError:
    """The error of a line that is not of its encoding; `octets` are those that were tried, from a character's first."""
    other = _OTHER_ENCODINGS.get(encoding, "utf-8")
    if encoding != "utf-8" and octets and _is_utf8(octets):
        other = "utf-8"
    return TableError(
        f"{path}, line {line}: its bytes are not {encoding}: say which encoding the file has, such as "
        f'source.encoding = "{other}"'
    )


def _is_utf8(octets: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(octets)
    except UnicodeDecodeError:
        return False
    return b"\0" not in octets


def _refuse_other_formats(first: bytes, file: TableFile) -> None:
    for start, problem in _OTHER_FORMATS:
        if first.startswith(start):
            twice = file.compression and "compressed" in problem
            raise TableError(f"{file.path} {'is compressed twice: unpack it once' if twice else problem}")
    for pattern, problem in _MARKUP:
        if pattern.match(first):
            raise TableError(f"{file.path} {problem}")


def _blocks(file: TableFile, size: int) -> Iterator[bytes]:
    try:
        raw = pa.OSFile(os.fsencode(file.path))  # a name may be no text
        with pa.CompressedInputStream(raw, file.compression) if file.compression else raw as stream:
            while block := stream.read(size):
                yield block
    except OSError as error:
        if error.errno is not None:
            raise TableError(f"{file.path} cannot be read: {os.strerror(error.errno)}") from None
        raise TableError(f"{file.path} is not {file.compression}, is damaged or cut off: write it again") from None


def _decoded(first: bytes, blocks: Iterator[bytes], codec: str, path: Path) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    for block, final in _with_end(first, blocks):
        try:
            text = decoder.decode(block, final)
            yield text.encode()
        except UnicodeError as error:
            good = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
            octets = error.object if isinstance(error, UnicodeDecodeError) else b""
            raise not_decoded(path, line + good.decode(codec, "ignore").count("\n"), codec, octets) from None
        line += text.count("\n")


def _with_end(first: bytes, blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    yield first, False
    for block in blocks:
        yield block, False
    yield b"", True


def _refuse_narrow(first: bytes, codec: str, path: Path) -> None:
    """Recognise text that is not UTF-16 or UTF-32, although the spec says so: none of its bytes is zero."""
    sample = first[:1000]
    if codec.startswith(("utf-16", "utf-32")) and b"\0" not in sample and (b"\n" in sample or b"\r" in sample):
        raise TableError(f'{path} is not {codec}: say which encoding the file has, such as source.encoding = "utf-8"')


def _refuse_wide(first: bytes, path: Path) -> None:
    """Recognise UTF-16 without its mark: every other byte of plain text is zero."""
    sample = first[:1000]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) // 2:
            raise TableError(f'{path} is UTF-16 without a byte order mark: say source.encoding = "{encoding}"')
