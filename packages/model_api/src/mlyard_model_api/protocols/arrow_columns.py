"""From Arrow's arrays to a model's columns: stored types mean what they mean where models are trained.

A number is null where it is NaN, since tables of many tools have no other null. An integer may be stored as a whole
floating-point number, a date as a text; a category may be stored as whatever has a canonical text. Nothing else is
converted.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS, ColumnType, Fault, Grammar
from mlyard_shared.columns.canonical import typed_text
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.features import Array, Table
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Column
from numpy.typing import NDArray

from mlyard_model_api.errors import BodyTooLarge, InputRefused, Problem
from mlyard_model_api.protocols import rows, typed

_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, in microseconds since 1970."""
_IN_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY = 86_400_000_000
_NAT = np.iinfo(np.int64).min
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - dates here are UTC
_STORED: dict[ColumnType, str] = {
    "integer": "integers, or whole numbers",
    "number": "numbers",
    "boolean": "booleans",
    "category": "texts",
    "datetime": "timestamps, dates, or texts with ISO 8601 dates",
}


class _Values(NamedTuple):
    """Values of one kind, and which of them are null (None: none is)."""

    values: Array
    missing: Array | None


def read(batches: Sequence[Any], names: Sequence[str], manifest: Manifest, *, most: int) -> Table | dict[str, Array]:
    """Return the columns of batches with one row in all at the least.

    Args:
        batches: PyArrow's record batches, of one schema.
        names: the names of its columns.
        manifest: the version.
        most: how many bytes texts may have that are stored as parts of one another.

    Raises:
        BodyTooLarge: they have more.
        InputRefused: they break the schema; holds the first problems.
    """
    schema, grammar = manifest.input_schema, GRAMMARS[manifest.grammar]
    where = rows.positions(names, schema, grammar)
    columns = _whole(batches)
    given = [columns[position] for position in where]
    reader = typed.reader(manifest)
    table = _quick(given, reader)
    if table is not None:
        return table
    wrong_types = [
        Problem(code="wrong_type", message=f"must be stored as {_STORED[column.type]}", column=column.name)
        for column, array in zip(schema.columns, given, strict=True)
        if not _may_be(array.type, column.type)
    ]
    if wrong_types:
        raise InputRefused(wrong_types[: rows.MAX_PROBLEMS])
    arrays: dict[str, Array] = {}
    wrong: list[Iterator[Problem]] = []
    for column, array in zip(schema.columns, given, strict=True):
        found = _READERS[column.type](column, array, grammar, most)
        if isinstance(found, np.ndarray):
            arrays[column.name] = found
        else:
            wrong.append(found)
    if wrong:
        raise rows.first_problems(wrong)
    layout = reader.layout
    if not layout.numbers:
        return arrays
    block = np.array([arrays[column.name] for column in layout.numbers])
    return Table(layout, block, {column.name: arrays[column.name] for column in layout.others})


def _quick(given: Sequence[Any], reader: typed.TypedReader) -> Table | None:
    """The columns as one block, where all are numbers stored as float64 or float32 without null, and fit."""
    import pyarrow as pa

    widths = {pa.float64(): np.float64, pa.float32(): np.float32}
    columns = reader.layout.schema.columns
    if any(column.type != "number" for column in columns):
        return None
    block = np.empty((len(columns), len(given[0])))
    for row, array in zip(block, given, strict=True):
        width = widths.get(array.type)
        if width is None or array.null_count:
            return None
        row[:] = np.frombuffer(array.buffers()[1], dtype=width, count=array.offset + len(row))[array.offset :]
    return Table(reader.layout, block, {}) if (np.abs(block) <= MAX_NUMBER).all() else None


def _whole(batches: Sequence[Any]) -> list[Any]:
    """The columns, each as one array."""
    import pyarrow as pa

    if len(batches) == 1:
        return list(batches[0].columns)
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    return [column.chunk(0) for column in table.columns]


def _may_be(stored: Any, kind: ColumnType) -> bool:
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(stored):
        return _may_be(stored.value_type, kind) and not types.is_dictionary(stored.value_type)
    number = types.is_integer(stored) or types.is_floating(stored) or types.is_decimal(stored)
    date = types.is_timestamp(stored) or types.is_date(stored)
    fits = {
        "integer": number,
        "number": number,
        "boolean": types.is_boolean(stored),
        "datetime": date or _is_text(stored),
        "category": number or date or types.is_boolean(stored) or _is_text(stored),
    }
    return bool(fits[kind] or types.is_null(stored))


def _is_text(stored: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(stored) or pa.types.is_large_string(stored) or pa.types.is_string_view(stored))


def _decoded(array: Any) -> Any:
    import pyarrow as pa

    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _numbers(column: Column, array: Any, grammar: Grammar, _most: int) -> Array | Iterator[Problem]:
    values, missing = _fixed(_decoded(array))
    found = values.astype(np.float64)
    limit = grammar.max_integer if column.type == "integer" else MAX_NUMBER
    whole = values.dtype.kind in "iu"
    if not whole:
        no_number = np.isnan(found)
        if no_number.any() and column.nullable:
            missing = no_number if missing is None else missing | no_number
    # Integers are compared before they are rounded.
    sizes = values if whole and column.type == "integer" else found
    wrong = ~((sizes <= limit) & (sizes >= -limit))
    if column.type == "integer" and not whole:
        wrong |= np.floor(found) != found
    if missing is not None:
        found[missing] = np.nan
        wrong = wrong & ~missing if column.nullable else wrong | missing
    return found if not wrong.any() else _number_problems(column, _Values(values, missing), wrong, grammar)


def _number_problems(column: Column, given: _Values, wrong: Array, grammar: Grammar) -> Iterator[Problem]:
    for row in np.flatnonzero(wrong)[: rows.MAX_PROBLEMS].tolist():
        value = given.values[row].item()
        if given.missing is not None and given.missing[row]:
            fault = cells.fault(column, None, grammar)
        elif not np.isfinite(value):
            fault = Fault("not_finite", "must be a finite number")
        elif column.type == "integer" and value != np.floor(value):
            fault = Fault("wrong_type", "must be a whole number")
        else:
            fault = cells.fault(column, int(value) if column.type == "integer" else float(value), grammar)
        if fault is not None:
            yield Problem(code=fault.code, message=fault.message, row=row, column=column.name)


def _booleans(column: Column, array: Any, _grammar: Grammar, _most: int) -> Array | Iterator[Problem]:
    values, missing = _fixed(_decoded(array))
    found = values.astype(np.float64)
    if missing is not None:
        found[missing] = np.nan
        if not column.nullable:
            return _problems(column, missing, Fault("null", "null is not allowed here"))
    return found


def _dates(column: Column, array: Any, grammar: Grammar, most: int) -> Array | Iterator[Problem]:
    if _is_text(getattr(array.type, "value_type", array.type)):
        return _texts(column, array, grammar, most)
    found, missing = _microseconds(_decoded(array))
    outside = (found < _FIRST) | (found > _LAST)
    if missing is not None:
        outside &= ~missing
        found[missing] = _NAT
        if not column.nullable:
            return _problems(column, missing, Fault("null", "null is not allowed here"))
    if outside.any():
        return _problems(column, outside, Fault("out_of_range", "must lie between the years 1 and 9999 in UTC"))
    return found.view("datetime64[us]")


def _problems(column: Column, wrong: Array, fault: Fault) -> Iterator[Problem]:
    for row in np.flatnonzero(wrong)[: rows.MAX_PROBLEMS].tolist():
        yield Problem(code=fault.code, message=fault.message, row=row, column=column.name)


def _texts(column: Column, array: Any, grammar: Grammar, most: int) -> Array | Iterator[Problem]:
    values = _text_list(array, most)

    def fits(some: Sequence[Any]) -> bool:
        try:
            cells.array(column, some, grammar)
        except cells.DoesNotFit:
            return False
        return True

    try:
        return cells.array(column, values, grammar)
    except cells.DoesNotFit:
        return rows.value_problems(column, values, fits, lambda some: cells.faults(column, some, grammar))


def _text_list(array: Any, most: int) -> list[str | None]:
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        distinct = [*_text_list(array.dictionary, most), None]
        positions, missing = _fixed(array.indices)
        # The last is null.
        places = positions.astype(np.int64) if missing is None else np.where(missing, -1, positions.astype(np.int64))
        return [distinct[place] for place in places.tolist()]
    if pa.types.is_string_view(kind):
        views = np.frombuffer(array.buffers()[1], dtype=np.int32, count=4 * (array.offset + len(array)))
        if int(views[4 * array.offset :: 4].sum(dtype=np.int64)) > most:
            raise BodyTooLarge(most)
    if _is_text(kind):
        found: list[str | None] = array.to_pylist()
        return found
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments, missing = _microseconds(array)
        inside = np.clip(moments, _FIRST, _LAST).tolist()
        dates = [typed_text(_EPOCH + timedelta(microseconds=moment)) for moment in inside]
        return dates if missing is None else [None if no else date for date, no in zip(dates, missing, strict=True)]
    return [typed_text(value) for value in array.to_pylist()]


def _microseconds(array: Any) -> tuple[NDArray[np.int64], Array | None]:
    """Microseconds since 1970, cut; what int64 does not hold becomes its last value, and never wraps."""
    import pyarrow as pa

    counts, missing = _fixed(array)
    unit = "ms" if pa.types.is_date64(array.type) else getattr(array.type, "unit", None)
    counts = counts.astype(np.int64)
    if unit == "ns":
        return counts // 1000, missing
    factor = _DAY if unit is None else _IN_MICROSECONDS[unit]
    limit = np.iinfo(np.int64).max // factor
    return np.clip(counts, -limit, limit) * factor, missing


def _fixed(array: Any) -> _Values:
    """The values of an array whose values have one width, and those of decimals as float64."""
    import pyarrow as pa

    kind, count, offset = array.type, len(array), array.offset
    types = pa.types
    if types.is_null(kind):
        return _Values(np.zeros(count), np.ones(count, dtype=bool))
    validity, *data = array.buffers()
    missing = ~_bits(validity, offset, count) if array.null_count else None
    if types.is_decimal(kind):
        return _Values(np.array([np.nan if value is None else float(value) for value in array.to_pylist()]), missing)
    if types.is_boolean(kind):
        return _Values(_bits(data[0], offset, count), missing)
    if types.is_timestamp(kind) or types.is_date(kind):
        width: Any = np.int32 if types.is_date32(kind) else np.int64
    else:
        width = kind.to_pandas_dtype()
    return _Values(np.frombuffer(data[0], dtype=width, count=offset + count)[offset:], missing)


def _bits(buffer: Any, offset: int, count: int) -> NDArray[np.bool_]:
    octets = np.frombuffer(buffer, dtype=np.uint8)
    return np.unpackbits(octets, count=offset + count, bitorder="little")[offset:].astype(bool)


_READERS: dict[ColumnType, Callable[[Column, Any, Grammar, int], Array | Iterator[Problem]]] = {
    "integer": _numbers,
    "number": _numbers,
    "boolean": _booleans,
    "category": _texts,
    "datetime": _dates,
}
