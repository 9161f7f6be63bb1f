"""How large a Parquet file becomes: the sizes of its pages, which it tells before each of them.

A few kilobytes may hold gigabytes, and whoever reads a page makes room for all of it first. Headers are in Thrift's
compact protocol. Sources: `parquet.thrift` of Apache Parquet, `thrift-compact-protocol.md` of Apache Thrift.
"""

from typing import Any, NamedTuple

_MAX_DEPTH = 8
_INTEGERS = (4, 5, 6)
_WIDTHS = {1: 0, 2: 0, 3: 1, 7: 8}
"""How many bytes the other types of one width take: true, false, a byte, a double."""
_BINARY, _STRUCT = 8, 12
_UNPACKED, _PACKED = 2, 3
"""The numbers of the sizes in a page's header."""


def unpacked(body: bytes | bytearray, facts: Any, *, most: int) -> int:
    """How many bytes all pages become; the count ends where it is above `most`.

    Args:
        body: the file.
        facts: its metadata, as PyArrow reads it.
        most: the limit.

    Raises:
        ValueError: the headers of the pages are not where they should be.
        IndexError: the file ends within one.
    """
    total = 0
    for group in range(facts.num_row_groups):
        row_group = facts.row_group(group)
        for number in range(row_group.num_columns):
            column = row_group.column(number)
            place, dictionary = column.data_page_offset, column.dictionary_page_offset
            if dictionary is not None and 0 < dictionary < place:
                place = dictionary
            end = place + column.total_compressed_size
            if not 0 < place <= end <= len(body):
                raise ValueError("a column lies beyond the file")
            while place < end:
                sizes = _sizes(body, place)
                total += sizes.unpacked
                place = sizes.end
                if total > most:
                    return total
    return total


class _Sizes(NamedTuple):
    unpacked: int
    end: int


def _sizes(body: bytes | bytearray, place: int) -> _Sizes:
    """What the page at a place becomes, and where the next one begins."""
    field = 0
    found = {_UNPACKED: -1, _PACKED: -1}
    while body[place]:
        kind, field, place = _field(body, place, field)
        if kind in _INTEGERS:
            value, place = _varint(body, place)
            found[field] = (value >> 1) ^ -(value & 1)
        else:
            place = _skipped(body, place, kind, 0)
    if found[_UNPACKED] < 0 or found[_PACKED] < 0:
        raise ValueError("a page has no size")
    return _Sizes(found[_UNPACKED], place + 1 + found[_PACKED])


def _field(body: bytes | bytearray, place: int, before: int) -> tuple[int, int, int]:
    """The type of a field, its number, and where its value begins."""
    first = body[place]
    if first >> 4:
        return first & 15, before + (first >> 4), place + 1
    number, place = _varint(body, place + 1)
    return first & 15, (number >> 1) ^ -(number & 1), place


def _skipped(body: bytes | bytearray, place: int, kind: int, depth: int) -> int:
    """The place behind a value."""
    if kind in _INTEGERS:
        return _varint(body, place)[1]
    if kind == _BINARY:
        size, place = _varint(body, place)
        return place + size
    if kind == _STRUCT and depth < _MAX_DEPTH:
        field = 0
        while body[place]:
            kind, field, place = _field(body, place, field)
            place = _skipped(body, place, kind, depth + 1)
        return place + 1
    if kind not in _WIDTHS:
        # No list, set or map stands in the header of a page.
        raise ValueError("a header holds what is none of a page")
    return place + _WIDTHS[kind]


def _varint(body: bytes | bytearray, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = body[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
