"""From bytes to a JSON document, without what Python's parser lets pass in silence."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from pydantic_core import from_json

from mlyard_model_api.errors import BrokenBody, TooManyRows

MAX_DEPTH = 100
"""Deeper than any document that a model takes."""
SLACK = 1000
"""More objects, lists and values than a right document has: one with a few too many is read, to tell what is wrong."""
_FEW_BYTES = 2048
_DECODER = msgspec.json.Decoder()
_IN_DOUBT = object()


class Repeating(dict[str, Any]):
    """An object in which keys came more than once; `repeated` has each of them once."""

    repeated: tuple[str, ...] = ()


def parse(body: bytes | bytearray, *, rows: int, columns: int, lists: int | None = None) -> Any:
    """Return the document: objects with repeated keys as `Repeating`, NaN and 1e999 as floats, for the reader to place.

    What Python makes of a body takes many times its bytes, and the parser lets nothing else run meanwhile: so the parts
    are counted first.

    Args:
        body: the bytes.
        rows: the most rows that can be meant.
        columns: how many values a row has.
        lists: how many objects and lists there may be; by default one for each row and one for each column.

    Raises:
        BrokenBody: it is not UTF-8, not JSON, or nested too deep.
        TooManyRows: it has far more parts than that many rows.
    """
    check_parts(body, rows=rows, columns=columns, lists=lists)
    document = _quick(body)
    return document if document is not _IN_DOUBT else _strictly(body)


def parse_strictly(body: bytes | bytearray, *, rows: int, columns: int) -> Any:
    """Do what `parse` does, without its short cut; raises what it raises."""
    check_parts(body, rows=rows, columns=columns)
    return _strictly(body)


def has_more_values(body: bytes | bytearray, *, rows: int, columns: int) -> bool:
    """Whether a body may have more values than the most rows have; it also counts commas in texts."""
    most = _most_values(rows, columns)
    # A value takes a byte and a comma at the least, and two commas side by side end the parsing.
    return len(body) > 2 * most and count_of(body, b",") > most


def strings(body: bytes | bytearray) -> int | None:
    """How many strings a right document has, names and values; None where quotes in them make that hard to tell."""
    return None if body.find(b"\\") >= 0 and b'\\"' in body else count_of(body, b'"') // 2


def renamed(found: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """An object with other keys; those that become one are repeated, as are those that were."""
    result = as_object([(names.get(key, key), value) for key, value in found.items()])
    if not isinstance(found, Repeating):
        return result
    repeating = Repeating(result)
    before = [names.get(key, key) for key in found.repeated]
    repeating.repeated = tuple(dict.fromkeys([*before, *getattr(result, "repeated", ())]))
    return repeating


def _quick(body: bytes | bytearray) -> Any:
    """The document in a fifth of the time, or `_IN_DOUBT`: where it is not JSON, or where a key may have come again.

    msgspec reads integers and numbers as Python does, and refuses NaN, infinity, numbers beyond float64 and lone
    surrogates. Pydantic's parser reads all of these but the last. Of a key that comes again they keep the last, as
    `strings` shows.
    """
    try:
        document = from_json(body) if b"NaN" in body or b"Infinity" in body else _decoded(body)
        known = strings(body)
        return document if known is not None and known in (_names(document), _strings_in(document)) else _IN_DOUBT
    except msgspec.DecodeError as error:
        if b"\\u" in body or _leaves_many_open(body):
            return _IN_DOUBT
        raise BrokenBody(f"the body is not JSON{_place(body, str(error))}") from None
    # Text that is not UTF-8, and nesting.
    except (ValueError, RecursionError):
        return _IN_DOUBT


def _decoded(body: bytes | bytearray) -> Any:
    try:
        return _DECODER.decode(body)
    # A number beyond what it reads.
    except msgspec.ValidationError:
        return from_json(body)


def _place(body: bytes | bytearray, message: str) -> str:
    """Where msgspec says that a body is wrong."""
    found = re.search(r"\(byte ([0-9]+)\)", message)
    place = int(found[1]) if found is not None else len(body)
    line = body.count(b"\n", 0, place) + 1
    return f" (line {line}, byte {place - body.rfind(bytes([10]), 0, place)})"


def _names(document: Any) -> int:
    """How many names the objects have that are rows; where that is all strings there are, there are no others."""
    content = next(iter(document.values()), None) if type(document) is dict else None
    if type(content) is not list:
        return -1
    return len(document) + sum([len(row) for row in content if type(row) is dict])


def _strings_in(value: Any) -> int:
    kind = type(value)
    if kind is dict:
        return len(value) + strings_among(list(value.values()))
    return strings_among(value) if kind is list else int(kind is str)


def strings_among(values: Sequence[Any]) -> int:
    """How many strings these values are and hold, names too."""
    kinds = list(map(type, values))
    count = kinds.count(str)
    if dict in kinds or list in kinds:
        count += sum(_strings_in(value) for value in values if type(value) is dict or type(value) is list)
    return count


def _strictly(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=as_object)
    except UnicodeDecodeError as error:
        raise BrokenBody(f"the body is not UTF-8 text: byte {error.start} is wrong") from None
    except json.JSONDecodeError as error:
        if _leaves_many_open(body):
            _count_parts(body, most_containers=len(body), most_values=len(body))
        where = f"line {error.lineno}, character {error.colno}"
        raise BrokenBody(f"the body is not JSON: {error.msg.rstrip(': ')} ({where})") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python refuses to read integers of more than 4300 digits.
        raise BrokenBody("the body holds a number with too many digits") from None


def _leaves_many_open(body: bytes | bytearray) -> bool:
    """Whether it may be nested too deep, counting texts too; how deep the parsers read depends on Python's release."""
    opened = count_of(body, b"[") + count_of(body, b"{")
    return opened - count_of(body, b"]") - count_of(body, b"}") > MAX_DEPTH


def check_parts(body: bytes | bytearray, *, rows: int, columns: int, lists: int | None = None) -> None:
    """Refuse a body with more objects and lists, or more values, than the most rows have."""
    most_containers = (rows + columns if lists is None else lists) + SLACK
    most_values = _most_values(rows, columns)
    # Cheap, and enough for nearly all that is sent, though it also counts what is in texts.
    if not has_more_values(body, rows=rows, columns=columns) and (
        len(body) <= most_containers or count_of(body, b"{") + count_of(body, b"[") <= most_containers
    ):
        return
    if not _count_parts(body, most_containers=most_containers, most_values=most_values):
        raise TooManyRows(f"there are more values than {rows} rows of {columns} columns have")


def _count_parts(body: bytes | bytearray, *, most_containers: int, most_values: int) -> bool:
    """Whether a body has no more objects and lists, and values, outside of texts; refuses what is nested too deep."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    opened = closed = values = texts = place = 0
    while True:
        text = body.find(b'"', place)
        span = (place, text if text >= 0 else len(body))
        opened += body.count(b"{", *span) + body.count(b"[", *span)
        closed += body.count(b"}", *span) + body.count(b"]", *span)
        values += body.count(b",", *span)
        if opened - closed > MAX_DEPTH:
            raise _too_deep()
        if opened > most_containers or values > most_values or texts > 2 * most_values:
            return False
        texts += 1
        place = body.find(b'"', text + 1) + 1
        if text < 0 or place == 0:
            return True


def _most_values(rows: int, columns: int) -> int:
    return (rows + 1) * (columns + 1) + SLACK


def count_of(body: bytes | bytearray, byte: bytes) -> int:
    """How often a byte comes in a body."""
    # Python stops at each byte that it finds; NumPy does not.
    if len(body) < _FEW_BYTES:
        return body.count(byte)
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == byte[0]))


def _too_deep() -> BrokenBody:
    return BrokenBody("the body is nested too deep")


def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these names and values: a `Repeating` where a name comes again."""
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    counts = Counter(name for name, _ in pairs)
    repeating = Repeating(result)
    repeating.repeated = tuple(name for name, count in counts.items() if count > 1)
    return repeating
