"""The values of Arrow's arrays, as they lie in memory: numbers, moments and texts, and which of them are null."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.columns.canonical import typed_text
from mlyard_shared.features import Array
from numpy.typing import NDArray

from mlyard_model_api.errors import BodyTooLarge

FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, in microseconds since 1970."""

_IN_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - dates here are UTC


class Values(NamedTuple):
    """Values of one kind, and which of them are null (None: none is)."""

    values: Array
    missing: Array | None


def is_text(stored: Any) -> bool:
    """Whether a type is of texts."""
    import pyarrow as pa

    return bool(pa.types.is_string(stored) or pa.types.is_large_string(stored) or pa.types.is_string_view(stored))


def decoded(array: Any) -> Any:
    """The array without a dictionary."""
    import pyarrow as pa

    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def fixed(array: Any) -> Values:
    """The values of an array whose values have one width, and those of decimals as float64."""
    import pyarrow as pa

    kind, count, offset = array.type, len(array), array.offset
    types = pa.types
    if types.is_null(kind):
        return Values(np.zeros(count), np.ones(count, dtype=bool))
    validity, *data = array.buffers()
    missing = ~_bits(validity, offset, count) if array.null_count else None
    if types.is_decimal(kind):
        return Values(np.array([np.nan if value is None else float(value) for value in array.to_pylist()]), missing)
    if types.is_boolean(kind):
        return Values(_bits(data[0], offset, count), missing)
    if types.is_timestamp(kind) or types.is_date(kind):
        width: Any = np.int32 if types.is_date32(kind) else np.int64
    else:
        letter = "f" if types.is_floating(kind) else "u" if types.is_unsigned_integer(kind) else "i"
        width = np.dtype(f"{letter}{kind.bit_width // 8}")  # PyArrow's own name for it needs pandas
    return Values(np.frombuffer(data[0], dtype=width, count=offset + count)[offset:], missing)


def _bits(buffer: Any, offset: int, count: int) -> NDArray[np.bool_]:
    octets = np.frombuffer(buffer, dtype=np.uint8)
    return np.unpackbits(octets, count=offset + count, bitorder="little")[offset:].astype(bool)


def microseconds(array: Any) -> tuple[NDArray[np.int64], Array | None]:
    """Microseconds since 1970, cut; what int64 does not hold becomes its last value, and never wraps."""
    import pyarrow as pa

    counts, missing = fixed(array)
    unit = "ms" if pa.types.is_date64(array.type) else getattr(array.type, "unit", None)
    counts = counts.astype(np.int64)
    if unit == "ns":
        return counts // 1000, missing
    factor = _DAY if unit is None else _IN_MICROSECONDS[unit]
    limit = np.iinfo(np.int64).max // factor
    return np.clip(counts, -limit, limit) * factor, missing


def texts(array: Any, most: int) -> list[str | None]:
    """The canonical texts of the values; raises `BodyTooLarge` where those that share their letters are too long."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        distinct = [*texts(array.dictionary, most), None]
        positions, missing = fixed(array.indices)
        # The last is null.
        places = positions.astype(np.int64) if missing is None else np.where(missing, -1, positions.astype(np.int64))
        return [distinct[place] for place in places.tolist()]
    if pa.types.is_string_view(kind):
        views = np.frombuffer(array.buffers()[1], dtype=np.int32, count=4 * (array.offset + len(array)))
        if int(views[4 * array.offset :: 4].sum(dtype=np.int64)) > most:
            raise BodyTooLarge(most)
    if is_text(kind):
        found: list[str | None] = array.to_pylist()
        return found
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments, missing = microseconds(array)
        inside = np.clip(moments, FIRST, LAST).tolist()
        dates = [typed_text(_EPOCH + timedelta(microseconds=moment)) for moment in inside]
        return dates if missing is None else [None if no else date for date, no in zip(dates, missing, strict=True)]
    return [typed_text(value) for value in array.to_pylist()]
