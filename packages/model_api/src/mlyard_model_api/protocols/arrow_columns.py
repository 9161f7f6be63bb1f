"""From Arrow's arrays to a model's columns: stored types mean what they mean where models are trained.

A number is null where it is NaN, since tables of many tools have no other null. An integer may be stored as a whole
floating-point number, a date as a text; a category may be stored as whatever has a canonical text. Nothing else is
converted.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS, ColumnType, Fault, Grammar
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.features import Array, Table
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Column

from mlyard_model_api.errors import InputRefused, Problem
from mlyard_model_api.protocols import arrow_values, rows, typed

_NAT = np.iinfo(np.int64).min
_STORED: dict[ColumnType, str] = {
    "integer": "integers, or whole numbers",
    "number": "numbers",
    "boolean": "booleans",
    "category": "texts",
    "datetime": "timestamps, dates, or texts with ISO 8601 dates",
}


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
    wrong = rows.FirstProblems()
    for column, array in zip(schema.columns, given, strict=True):
        found = _READERS[column.type](column, array, grammar, most)
        if isinstance(found, np.ndarray):
            arrays[column.name] = found
        else:
            wrong.add(found)
    wrong.refuse()
    layout = reader.layout
    if not layout.numbers:
        return arrays
    block = np.array([arrays[column.name] for column in layout.numbers])
    return Table(layout, block, {column.name: arrays[column.name] for column in layout.others})


def _quick(given: Sequence[Any], reader: typed.TypedReader) -> Table | None:
    """The columns as one block, where all are numbers stored as float64 or float32 without null, and fit."""
    import pyarrow as pa

    # Types take long to compare, their numbers do not.
    floats = {pa.float64().id, pa.float32().id}
    columns = reader.layout.schema.columns
    if any(column.type != "number" for column in columns):
        return None
    block = np.empty((len(columns), len(given[0])))
    for row, array in zip(block, given, strict=True):
        if array.type.id not in floats or array.null_count:
            return None
        row[:] = array.to_numpy()
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
        "datetime": date or arrow_values.is_text(stored),
        "category": number or date or types.is_boolean(stored) or arrow_values.is_text(stored),
    }
    return bool(fits[kind] or types.is_null(stored))


def _numbers(column: Column, array: Any, grammar: Grammar, _most: int) -> Array | Iterator[Problem]:
    values, missing = arrow_values.fixed(arrow_values.decoded(array))
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
    return found if not wrong.any() else _number_problems(column, arrow_values.Values(values, missing), wrong, grammar)


def _number_problems(column: Column, given: arrow_values.Values, wrong: Array, grammar: Grammar) -> Iterator[Problem]:
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
    values, missing = arrow_values.fixed(arrow_values.decoded(array))
    found = values.astype(np.float64)
    if missing is not None:
        found[missing] = np.nan
        if not column.nullable:
            return _problems(column, missing, Fault("null", "null is not allowed here"))
    return found


def _dates(column: Column, array: Any, grammar: Grammar, most: int) -> Array | Iterator[Problem]:
    if arrow_values.is_text(getattr(array.type, "value_type", array.type)):
        return _texts(column, array, grammar, most)
    found, missing = arrow_values.microseconds(arrow_values.decoded(array))
    outside = (found < arrow_values.FIRST) | (found > arrow_values.LAST)
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
    values = arrow_values.texts(array, most)

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


_READERS: dict[ColumnType, Callable[[Column, Any, Grammar, int], Array | Iterator[Problem]]] = {
    "integer": _numbers,
    "number": _numbers,
    "boolean": _booleans,
    "category": _texts,
    "datetime": _dates,
}
