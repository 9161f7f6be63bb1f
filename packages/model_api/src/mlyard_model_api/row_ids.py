"""The ids of an answer's rows: UUIDv7 (RFC 9562, 5.7)."""

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from uuid_utils import uuid7

MANY = 32
"""So many are made together, which takes less than half of the time; one by one they take longer than their rows."""


class RowIds(Sequence[str]):
    """An id for each row, made when the first of them is read: not every protocol answers them."""

    __slots__ = ("_count", "_made")

    def __init__(self, count: int) -> None:
        """Of so many rows."""
        self._count = count
        self._made: list[str] = []

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:
        return self._all()[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def _all(self) -> list[str]:
        if not self._made:
            self._made = _together(self._count) if self._count >= MANY else [str(uuid7()) for _ in range(self._count)]
        return self._made


def _together(count: int) -> list[str]:
    """As many ids in ascending order: of one time and twelve random bits, each with 62 random bits of its own."""
    random = os.urandom(8 * count + 2)
    first = time.time_ns() // 1_000_000 << 16 | 7 << 12 | int.from_bytes(random[-2:], "big") & 0xFFF
    own = np.sort(np.frombuffer(random, np.uint64, count) >> np.uint64(2)) | np.uint64(1 << 63)
    digits = np.frombuffer(own.astype(">u8").tobytes().hex().encode("ascii"), np.uint8).reshape(count, 16)
    text = f"{first:016x}"
    # As UTF-32, which NumPy makes texts of.
    codes = np.empty((count, 36), dtype=np.uint32)
    codes[:, :19] = np.frombuffer(f"{text[:8]}-{text[8:12]}-{text[12:]}-".encode("ascii"), np.uint8)
    codes[:, 19:23] = digits[:, :4]
    codes[:, 23] = ord("-")
    codes[:, 24:] = digits[:, 4:]
    made: list[str] = codes.view("U36").ravel().tolist()
    return made
