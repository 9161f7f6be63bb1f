"""Tables in Parquet and in Arrow's stream format, by PyArrow, which is installed with the package's extra `arrow`.

PyArrow is imported before the first such body is read, since it takes memory that nobody may need; it takes so long
that this is done in a thread.
"""

import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from mlyard_shared.features import Array, Table
from mlyard_shared.manifest import Manifest

from mlyard_model_api.errors import BodyTooLarge, BrokenBody, MediaTypeRefused, TooManyRows
from mlyard_model_api.protocols import arrow_columns, parquet_pages, rows

MOST_BYTES = 64 * 1024**2
"""What the pages of a Parquet file may become, and the texts of a table: both can be far smaller in the body."""

_COMPRESSION = 3
"""The number of the field in a record batch. Source: `format/Message.fbs` of Apache Arrow."""


@cache
def is_installed() -> bool:
    """Whether PyArrow is here."""
    return find_spec("pyarrow") is not None


def check_installed() -> None:
    """Refuse a body that needs PyArrow where it is not installed; raises `MediaTypeRefused`."""
    if not is_installed():
        raise MediaTypeRefused(
            "this API reads no Parquet and no Arrow: install mlyard-model-api[arrow], or send JSON or CSV"
        )


def preparation() -> Callable[[], None] | None:
    """What imports PyArrow, if nothing has yet."""
    return None if "pyarrow.parquet" in sys.modules else _prepare


def _prepare() -> None:
    import pyarrow.parquet  # noqa: F401 - it is for later


def read_stream(body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Table | dict[str, Array]:
    """Return each column of the schema, shape [n], as `mlyard_shared.features` takes it.

    Raises:
        BrokenBody: it is not an Arrow stream, or its buffers are compressed.
        InputRefused: the table breaks the schema; holds the first problems.
        TooManyRows: there are more than `max_rows`.
    """
    import pyarrow as pa

    buffer = pa.py_buffer(body)

    def batches() -> Iterator[Any]:
        if any(map(_is_compressed, pa.MessageReader.open_stream(buffer))):
            raise BrokenBody(
                "the buffers are compressed: send them as they are, and pack the whole body in gzip or zstd"
            )
        yield from pa.ipc.open_stream(buffer)

    return _read("an Arrow stream", batches, manifest, max_rows)


def read_parquet(body: bytes | bytearray, manifest: Manifest, *, max_rows: int) -> Table | dict[str, Array]:
    """Return each column of the schema, shape [n], as `mlyard_shared.features` takes it.

    Raises:
        BodyTooLarge: its pages become more than `MOST_BYTES`.
        BrokenBody: it is not a Parquet file.
        InputRefused: the table breaks the schema; holds the first problems.
        TooManyRows: there are more than `max_rows`.
    """
    import pyarrow as pa
    from pyarrow import parquet

    def batches() -> Iterator[Any]:
        facts = parquet_pages.facts(body, most=MOST_BYTES)
        rows.check_count(facts.rows, max_rows)
        if facts.unpacked > MOST_BYTES:
            raise BodyTooLarge(MOST_BYTES)
        # Texts stay as their distinct values, however often each comes.
        file = parquet.ParquetFile(pa.py_buffer(body), read_dictionary=facts.texts)
        yield from file.iter_batches(batch_size=max_rows + 1, use_threads=False)

    return _read("a Parquet file", batches, manifest, max_rows)


def _read(
    what: str, batches: Callable[[], Iterable[Any]], manifest: Manifest, max_rows: int
) -> Table | dict[str, Array]:
    import pyarrow as pa

    found, count = [], 0
    try:
        for batch in batches():
            count += batch.num_rows
            if count > max_rows:
                raise TooManyRows(f"there are more than {max_rows} rows")
            batch.validate(full=True)
            found.append(batch)
        names = found[0].schema.names if found else []
    # Whatever is wrong in the bytes: PyArrow's errors are of several families, and some are Python's own.
    except (pa.ArrowException, OSError, ValueError, IndexError, OverflowError, MemoryError, struct.error) as error:
        raise BrokenBody(f"the body is not {what} that can be read here") from error
    rows.check_count(count, max_rows)
    # Bytes may be any NaN, of which some are signals to NumPy.
    with np.errstate(invalid="ignore"):
        return arrow_columns.read(found, names, manifest, most=MOST_BYTES)


def _is_compressed(message: Any) -> bool:
    """Whether a message holds a record batch with compressed buffers, of which nobody knows how large they become."""
    if message.type not in ("record batch", "dictionary"):
        return False
    table = _Table.root(message.metadata.to_pybytes())
    batch = table.table(2)
    return (batch.table(1) if message.type == "dictionary" else batch).has(_COMPRESSION)


class _Table:
    """A table of a flatbuffer. Source: `docs/source/internals.md` of Google's FlatBuffers."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place
        self._fields = place - struct.unpack_from("<i", data, place)[0]

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, struct.unpack_from("<I", data)[0])

    def has(self, field: int) -> bool:
        return self._offset(field) > 0

    def table(self, field: int) -> "_Table":
        place = self._place + self._offset(field)
        return _Table(self._data, place + struct.unpack_from("<I", self._data, place)[0])

    def _offset(self, field: int) -> int:
        size: int = struct.unpack_from("<H", self._data, self._fields)[0]
        where = 4 + 2 * field
        return int(struct.unpack_from("<H", self._data, self._fields + where)[0]) if where < size else 0
