"""How large a Parquet file becomes: how many rows it has, and what its pages become, as they tell before themselves.

A few kilobytes may hold gigabytes, and whoever reads a page makes room for all of it first. PyArrow is not asked, since
it ends the process where the facts of a column contradict one another. All of it is in Thrift's compact protocol.
Sources: `parquet.thrift` of Apache Parquet, `thrift-compact-protocol.md` of Apache Thrift.
"""

from typing import Any, NamedTuple

MAGIC = b"PAR1"

_MAX_DEPTH = 8
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)


_BYTE_ARRAY = 6
_MAX_WIDTH = 64
"""Values of one width are no wider; a wide one that comes again and again would be small in the file."""


class Facts(NamedTuple):
    """How many rows a file says it has, its columns of texts or octets, and how many bytes its pages become."""

    rows: int
    texts: list[str]
    unpacked: int


def facts(body: bytes | bytearray, *, most: int) -> Facts:
    """Return the facts of a file; its pages are added up until they are above `most`.

    Raises:
        ValueError: it is none, or has columns within columns, or its parts are not where they should be.
        IndexError: it ends within one of them.
    """
    try:
        return _facts(body, most)
    except (TypeError, AttributeError):
        # What should be a struct or a list is a number or a text.
        raise ValueError("a field is of another type") from None


def _facts(body: bytes | bytearray, most: int) -> Facts:
    length = int.from_bytes(body[-8:-4], "little")
    if body[:4] != MAGIC or body[-4:] != MAGIC or length > len(body) - 12:
        raise ValueError("there is no footer")
    # The numbers of the fields are those of parquet.thrift.
    footer, _ = _struct(body, len(body) - 8 - length)
    columns = footer[2][1:]
    if any(5 in column for column in columns):
        raise ValueError("there are columns within columns")
    if any(column.get(2, 0) > _MAX_WIDTH for column in columns):
        raise ValueError("there are wide values")
    texts = [_text(column[4]) for column in columns if column[1] == _BYTE_ARRAY]
    total = 0
    for group in footer[4]:
        for chunk in group[1]:
            if 1 in chunk:
                raise ValueError("a column is in another file")
            place, end = _chunk(chunk[3], len(body))
            while place < end and total <= most:
                header, place = _struct(body, place)
                if header[2] < 0 or header[3] < 0:
                    raise ValueError("a page has no size")
                total += header[2]
                place += header[3]
    return Facts(rows=max(footer[3], 0), texts=texts, unpacked=total)


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        raise TypeError
    return value.decode()


def _chunk(column: dict[int, Any], length: int) -> tuple[int, int]:
    """Where the pages of a column begin and end."""
    # Of a column without rows one of them is 0.
    place = min([start for start in (column[9], column.get(11, 0)) if start > 0], default=0)
    if not 0 <= place <= place + column[7] <= length:
        raise ValueError("a column lies beyond the file")
    return place, place + column[7]


def _struct(body: bytes | bytearray, place: int, depth: int = 0) -> "tuple[_Fields, int]":
    """The fields of a struct by their numbers, and the place behind it."""
    if depth > _MAX_DEPTH:
        raise ValueError("it is nested too deep")
    found = _Fields()
    field = 0
    while first := body[place]:
        place += 1
        kind = first & 15
        if first > 15:
            field += first >> 4
        else:
            field, place = _integer(body, place)
        if kind in (_TRUE, _FALSE):
            found[field] = kind == _TRUE
        else:
            found[field], place = _value(body, place, kind, depth)
    return found, place + 1


def _value(body: bytes | bytearray, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        return _integer(body, place)
    if kind == _BINARY:
        size, place = _varint(body, place)
        return bytes(body[place : place + size]), place + size
    if kind == _STRUCT:
        return _struct(body, place, depth + 1)
    if kind in (_LIST, _SET):
        return _list(body, place, depth)
    if kind in (_TRUE, _FALSE, _BYTE):
        return body[place], place + 1
    if kind == _DOUBLE:
        return None, place + 8
    raise ValueError("there is a value of another kind")


def _list(body: bytes | bytearray, place: int, depth: int) -> tuple[list[Any], int]:
    first = body[place]
    count, place = (first >> 4, place + 1) if first < 0xF0 else _varint(body, place + 1)
    # Each value takes a byte at the least.
    if count > len(body) - place:
        raise ValueError("a list is longer than the file")
    found = []
    for _ in range(count):
        value, place = _value(body, place, first & 15, depth)
        found.append(value)
    return found, place


def _integer(body: bytes | bytearray, place: int) -> tuple[int, int]:
    byte = body[place]
    value, place = (byte, place + 1) if byte < 128 else _varint(body, place)
    return (value >> 1) ^ -(value & 1), place


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


class _Fields(dict[int, Any]):
    """Fields by their numbers; one that is missing is a `ValueError`."""

    def __missing__(self, field: int) -> Any:
        raise ValueError(f"field {field} is missing")
