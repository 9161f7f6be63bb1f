"""The bytes of a CSV file as UTF-8, block by block: unpacked, decoded, and without its byte order mark."""

import codecs
import os
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
_OTHER_FORMATS = (
    (b"\x1f\x8b", "is compressed by gzip: let its name end with .gz"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd: let its name end with .zst"),
    (b"PAR1", "is a Parquet file: let its name end with .parquet"),
    (b"PK\x03\x04", "is a ZIP file, as Excel writes it: export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an Excel file: export the table as CSV"),
)


def utf8_blocks(file: TableFile, encoding: str, *, size: int = BLOCK) -> Iterator[bytes]:
    """Yield a file's text; what is UTF-8 already is passed on unchecked.

    A byte order mark decides over the encoding.

    Raises:
        TableError: it cannot be read, is damaged or of another format, or its bytes are not of the encoding.
    """
    blocks = _blocks(file, size)
    first = next(blocks, b"")
    for start, problem in _OTHER_FORMATS:
        if first.startswith(start):
            raise TableError(f"{file.path} {problem}")
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if first.startswith(mark)), (b"", ""))
    codec = codec or codecs.lookup(encoding).name
    first = first[len(mark) :]
    if codec in ("utf-8", "utf-8-sig", "ascii"):
        _refuse_wide(first, file.path)
        yield first
        yield from blocks
    else:
        yield from _decoded(first, blocks, codec, file.path)


def not_decoded(path: Path, line: int, encoding: str) -> TableError:
    """The error of a line that is not of its encoding."""
    other = "cp1252" if encoding == "utf-8" else "utf-8"
    return TableError(
        f"{path}, line {line}: its bytes are not {encoding}: say which encoding the file has, such as "
        f'source.encoding = "{other}"'
    )


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
            raise not_decoded(path, line + good.decode(codec, "ignore").count("\n"), codec) from None
        line += text.count("\n")


def _with_end(first: bytes, blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    yield first, False
    for block in blocks:
        yield block, False
    yield b"", True


def _refuse_wide(first: bytes, path: Path) -> None:
    """Recognise UTF-16 without its mark: every other byte of plain text is zero."""
    sample = first[:1000]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) // 2:
            raise TableError(f'{path} is UTF-16 without a byte order mark: say source.encoding = "{encoding}"')
