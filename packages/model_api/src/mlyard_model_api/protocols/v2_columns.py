"""From the tensors of a request to a model's columns.

A value is missing where it is null in JSON, NaN in a tensor of floating-point numbers, or marked in `<input>.missing`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from mlyard_shared import cells
from mlyard_shared.columns import Fault, Grammar
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, Schema

from mlyard_model_api.errors import Problem
from mlyard_model_api.protocols import rows, v2_tensors
from mlyard_model_api.protocols.v2_inputs import MATRIX, Inputs
from mlyard_model_api.protocols.v2_requests import Given
from mlyard_model_api.protocols.v2_tensors import Data

EXACT = 2**53
"""Up to it, each integer is a float64."""


def read(given: Sequence[Given], schema: Schema, grammar: Grammar, *, max_rows: int) -> dict[str, Array]:
    """Return each column of the schema, shape [n], as `mlyard_shared.features` takes it.

    Raises:
        InputRefused: the tensors break the schema; holds the first problems.
        TooManyRows: there are more than `max_rows`.
    """
    inputs = Inputs(given, schema, grammar, max_rows=max_rows)
    arrays: dict[str, Array] = {}
    wrong = rows.FirstProblems()
    for column, data in zip(schema.columns, _data(inputs, [column.name for column in schema.columns]), strict=True):
        read_by = _texts if data.values.dtype == object else numbers
        found = read_by(column, data.before(wrong.end), grammar)
        if isinstance(found, np.ndarray):
            arrays[column.name] = found
        else:
            wrong.add(found)
    wrong.refuse()
    return arrays


def _data(inputs: Inputs, names: Sequence[str]) -> Iterator[Data]:
    """The data of each column, in the order of their names."""
    if inputs.matrix is None:
        for name in names:
            yield _marked(v2_tensors.read(inputs.columns[name], [name]), inputs.missing.get(name), [name])
        return
    whole = _marked(v2_tensors.read(inputs.matrix, names), inputs.missing.get(MATRIX), names)
    shape = (inputs.rows, len(names))
    values = whole.values.reshape(shape)
    missing = None if whole.missing is None else whole.missing.reshape(shape)
    for position in range(len(names)):
        yield Data(values[:, position], None if missing is None else missing[:, position])


def _marked(data: Data, marks: Given | None, columns: Sequence[str]) -> Data:
    if marks is None:
        return data
    marked = v2_tensors.read(marks, columns).values
    return Data(data.values, marked if data.missing is None else data.missing | marked)


def _texts(column: Column, data: Data, grammar: Grammar) -> Array | Iterator[Problem]:
    texts = data.values.tolist()
    if data.missing is not None:
        texts = [None if missing else text for text, missing in zip(texts, data.missing.tolist(), strict=True)]
    try:
        return cells.array(column, texts, grammar)
    except cells.DoesNotFit:
        return rows.cell_problems(column, texts, grammar)


def numbers(column: Column, data: Data, grammar: Grammar) -> Array | Iterator[Problem]:
    """A column of numbers of its data, or what is wrong in it."""
    values, missing = data
    floats = values.astype(np.float64)
    kind, is_integer = values.dtype.kind, column.type == "integer"
    if kind == "f":
        wrong = ~(np.abs(floats) <= (grammar.max_integer if is_integer else MAX_NUMBER))  # so is NaN
        if is_integer:
            wrong |= floats != np.floor(floats)
        no_number = np.isnan(floats)
        if column.nullable and no_number.any():
            missing = no_number if missing is None else missing | no_number
    elif kind == "b":
        wrong = np.zeros(len(values), dtype=bool)
    else:
        limit = grammar.max_integer if is_integer else EXACT
        wrong = (values > limit) | (values < -limit)  # before they are rounded
    if missing is not None:
        floats[missing] = np.nan
        wrong = wrong & ~missing if column.nullable else wrong | missing
    if not wrong.any():
        return floats
    places = np.flatnonzero(wrong)[: rows.MAX_PROBLEMS].tolist()
    faults = [(row, _number_fault(column, Data(values, missing), row, grammar)) for row in places]
    return iter([Problem(code=fault.code, message=fault.message, row=row, column=column.name) for row, fault in faults])


def _number_fault(column: Column, data: Data, row: int, grammar: Grammar) -> Fault:
    value = data.values[row].item()
    if data.missing is not None and data.missing[row]:
        value = None
    elif isinstance(value, float) and not np.isfinite(value):
        return Fault("not_finite", "must be a finite number")
    elif isinstance(value, float) and column.type == "integer":
        if not value.is_integer():
            return Fault("wrong_type", "must be a whole number")
        value = int(value)
    fault = cells.fault(column, value, grammar)
    return fault or Fault("out_of_range", "must lie between -2^53 and 2^53 in a datatype of integers")
