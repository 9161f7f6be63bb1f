"""The ids of an answer's rows: UUIDv7 (RFC 9562, 5.7)."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from uuid_utils import uuid7

DIGITS = 3
"""So many of an id's 32 digits number an answer's rows, more where there are more than 4096."""


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
            self._made = _numbered(self._count) if self._count > 1 else [str(uuid7())]
        return self._made


def _numbered(count: int) -> list[str]:
    """As many ids in ascending order, alike but for their last digits, which are a counter (RFC 9562, 6.2).

    What is before them is as random as a single id's; a random number for each row takes five times as long.
    """
    one = str(uuid7())
    if count <= 16**DIGITS:
        return list(map(one[:-DIGITS].__add__, _endings()[:count]))
    digits = len(f"{count - 1:x}")
    first = one[:-digits]
    return [f"{first}{row:0{digits}x}" for row in range(count)]


@cache
def _endings() -> list[str]:
    return [f"{row:0{DIGITS}x}" for row in range(16**DIGITS)]
