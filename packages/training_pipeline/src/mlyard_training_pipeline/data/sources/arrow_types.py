"""Arrow types without what a source chose for storing them, and one type for the files of a folder."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_UNITS = ("s", "ms", "us", "ns")
_DIGITS = 38
"""What a decimal128 holds; wider ones become float64 where types have to be joined."""


def plain_type(kind: Any) -> Any:
    """The type of a column once it is decoded: dictionaries, views and extensions say only how it was stored."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if isinstance(kind, pa.BaseExtensionType):
        # A document is not a text that a model may learn by heart: it stays what no column may be.
        known = {"arrow.uuid": pa.string(), "arrow.bool8": pa.bool_(), "arrow.json": pa.binary()}
        return known.get(kind.extension_name) or plain_type(kind.storage_type)
    return kind


def plain(array: Any) -> Any:
    """An array as its plain type."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(array))
    if isinstance(kind, pa.BaseExtensionType):
        storage = array.storage
        return _uuid_texts(storage) if kind.extension_name == "arrow.uuid" else plain(storage).cast(plain_type(kind))
    return array.cast(plain_type(kind))


def joined_type(kinds: Sequence[Any]) -> Any | None:
    """The plain type that holds the values of several, or None where there is none."""
    distinct = list(dict.fromkeys(kind for kind in kinds if not pa.types.is_null(kind)))
    if not distinct:
        return pa.string()
    if len(distinct) == 1:
        return distinct[0]
    if all(pa.types.is_integer(kind) for kind in distinct):
        return pa.uint64() if all(pa.types.is_unsigned_integer(kind) for kind in distinct) else pa.int64()
    if all(pa.types.is_integer(kind) or pa.types.is_decimal(kind) for kind in distinct):
        return _joined_decimal(distinct)
    if all(pa.types.is_integer(k) or pa.types.is_decimal(k) or pa.types.is_floating(k) for k in distinct):
        return pa.float64()
    if all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in distinct):
        return _joined_time(distinct)
    return None


def converted(array: Any, kind: Any) -> Any:
    """A plain array as the joined type.

    Raises:
        pa.ArrowInvalid: a value does not fit.
    """
    if array.type == kind:
        return array
    units = [_UNITS.index(t.unit) for t in (array.type, kind) if pa.types.is_timestamp(t)]
    # What lies below the unit is cut; what lies beyond its range is an error, never wrapped.
    return array.cast(kind, safe=len(units) < 2 or units[0] <= units[1])


def without_missing(array: Any, missing: Collection[str]) -> Any:
    """A column with nulls for the texts that count as missing; columns of another type stay as they are."""
    if not missing or not pa.types.is_string(array.type):
        return array
    found = pc.is_in(array, value_set=pa.array(list(missing), pa.string()))
    return pc.if_else(found, pa.scalar(None, pa.string()), array) if pc.any(found).as_py() else array


def _joined_decimal(kinds: Iterable[Any]) -> Any:
    decimals = [kind for kind in kinds if pa.types.is_decimal(kind)]
    integers = [19 for kind in kinds if pa.types.is_integer(kind)]
    scale = max(kind.scale for kind in decimals)
    digits = max([kind.precision - kind.scale for kind in decimals] + integers) + scale
    return pa.decimal128(digits, scale) if digits <= _DIGITS else pa.float64()


def _joined_time(kinds: Sequence[Any]) -> Any | None:
    if all(pa.types.is_date(kind) for kind in kinds):
        return pa.date32()
    zones = {getattr(kind, "tz", None) for kind in kinds}
    if None in zones and len(zones) > 1:
        return None  # a time without its zone is not a moment
    units = {kind.unit for kind in kinds if pa.types.is_timestamp(kind)}
    zone = None if zones == {None} else zones.pop() if len(zones) == 1 else "UTC"
    return pa.timestamp(units.pop() if len(units) == 1 else "us", tz=zone)


def _uuid_texts(storage: Any) -> Any:
    """16 bytes a value, as RFC 9562 writes them: 8-4-4-4-12 digits."""
    values = storage.fill_null(bytes(16))
    octets = np.frombuffer(values.buffers()[1], np.uint8)[values.offset * 16 : (values.offset + len(values)) * 16]
    digits = np.frombuffer(octets.tobytes().hex().encode(), "S1").reshape(-1, 32)
    text = np.insert(digits, [8, 12, 16, 20], b"-", axis=1)
    offsets = np.arange(len(values) + 1, dtype=np.int32) * 36
    texts = pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
    return pc.if_else(storage.is_valid(), texts, pa.scalar(None, pa.string()))
