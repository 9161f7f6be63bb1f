"""Columns on disk, mapped into memory by whoever reads them: a NumPy file for each type of number."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, NamedTuple, Self

import numpy as np

from mlyard_training_pipeline.data.columns import Array

Kind = Literal["float64", "int64", "int32", "bool"]
_HEADER = 128


class Place(NamedTuple):
    """Where a column is: in the file of its type, at this position."""

    kind: Kind
    position: int


class ArrayWriter:
    """Writes columns of the same length into a folder, a run at a time; a context manager."""

    def __init__(self, folder: Path, rows: int) -> None:
        """Begin with no column; the folder is there."""
        self._folder, self._rows = folder, rows
        self._files: dict[Kind, BinaryIO] = {}
        self._counts: dict[Kind, int] = {}

    @contextmanager
    def column(self, kind: Kind) -> Iterator["ColumnWriter"]:
        """Write one column; it counts when the block ends without an error."""
        if kind not in self._files:
            self._files[kind] = (self._folder / f"{kind}.npy").open("wb")
        place = Place(kind, self._counts.get(kind, 0))
        file = self._files[kind]
        file.seek(_HEADER + place.position * self._rows * np.dtype(kind).itemsize)
        yield ColumnWriter(file, place)
        self._counts[kind] = place.position + 1

    def read(self, place: Place, rows: slice) -> Array:
        """Some rows of a column that was written."""
        self._files[place.kind].flush()
        size = np.dtype(place.kind).itemsize
        offset = _HEADER + (place.position * self._rows + rows.start) * size
        file = self._folder / f"{place.kind}.npy"
        return np.fromfile(file, dtype=place.kind, count=rows.stop - rows.start, offset=offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write the headers, without which the files cannot be read; after an error there is nothing to be read."""
        try:
            if error is None:
                self._finish()
        finally:
            for file in self._files.values():
                with suppress(OSError):  # of a full disk, which has been told
                    file.close()

    def _finish(self) -> None:
        for kind, file in self._files.items():
            shape = (self._rows, self._counts.get(kind, 0))
            file.truncate(_HEADER + shape[0] * shape[1] * np.dtype(kind).itemsize)
            file.seek(0)
            file.write(_header(kind, shape))
            file.flush()


class ColumnWriter(NamedTuple):
    """A column that is being written."""

    file: BinaryIO
    place: Place

    def append(self, values: Array) -> None:
        """Write the values of the next rows."""
        self.file.write(np.ascontiguousarray(values, dtype=self.place.kind).data)


class ArrayReader:
    """The columns of a folder."""

    def __init__(self, folder: Path) -> None:
        """Read nothing yet."""
        self._folder = folder
        self._mapped: dict[Kind, Array] = {}

    def column(self, place: Place) -> Array:
        """A column, mapped and not to be written to."""
        kind, position = place
        if kind not in self._mapped:
            self._mapped[kind] = np.load(self._folder / f"{kind}.npy", mmap_mode="r")
        found: Array = np.asarray(self._mapped[kind])[:, position]
        return found


def _header(kind: Kind, shape: tuple[int, int]) -> bytes:
    header = io.BytesIO()
    facts: dict[str, Any] = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": True}
    np.lib.format.write_array_header_1_0(header, {**facts, "shape": shape})
    return header.getvalue()
