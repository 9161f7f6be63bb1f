"""From a JSON document to a model's columns: rows as records, or columns as lists, and nothing else."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from mlyard_shared.features import Array
from mlyard_shared.schema import Schema

from mlyard_model_api import cells
from mlyard_model_api.document import Repeating
from mlyard_model_api.errors import InputRefused, Problem, TooManyRows

MAX_PROBLEMS = 20
"""So many problems are told at once."""


def read(document: Any, schema: Schema, *, max_rows: int) -> dict[str, Array]:
    """Return each column of the schema, shape [n], as `mlyard_shared.features` takes it.

    Raises:
        InputRefused: the document breaks the schema; holds the first problems.
        TooManyRows: there are more than `max_rows`.
    """
    kind, content = _content(document)
    names = tuple(column.name for column in schema.columns)
    if kind == "rows":
        columns = _from_rows(content, names, max_rows=max_rows)
    else:
        columns = _from_columns(content, names, max_rows=max_rows)
    return _arrays(columns, schema)


def _content(document: Any) -> tuple[str, Any]:
    if not isinstance(document, dict):
        raise _refused("wrong_shape", 'the body must be an object with "rows" or "columns"')
    if isinstance(document, Repeating):
        raise _refused("duplicate_key", 'the body must have one "rows" or one "columns"')
    if len(document) != 1 or next(iter(document)) not in ("rows", "columns"):
        raise _refused("wrong_shape", 'the body must have exactly one key: "rows" or "columns"')
    kind, content = next(iter(document.items()))
    wanted, spelled = (list, "a list of objects") if kind == "rows" else (dict, "an object of lists")
    if not isinstance(content, wanted):
        raise _refused("wrong_shape", f'"{kind}" must be {spelled}')
    return kind, content


def _from_rows(rows: list[Any], names: tuple[str, ...], *, max_rows: int) -> dict[str, list[Any]]:
    _check_count(len(rows), max_rows)
    known = set(names)
    if not all(type(row) is dict and row.keys() == known for row in rows):
        problems = (problem for number, row in enumerate(rows) for problem in _row_problems(row, number, names))
        raise InputRefused(list(islice(problems, MAX_PROBLEMS)))
    return {name: [row[name] for row in rows] for name in names}


def _row_problems(row: Any, number: int, names: tuple[str, ...]) -> Iterable[Problem]:
    if isinstance(row, dict):
        return _name_problems(row, names, row=number)
    return [Problem(code="wrong_shape", message="a row must be an object of columns and values", row=number)]


def _from_columns(columns: dict[str, Any], names: tuple[str, ...], *, max_rows: int) -> dict[str, list[Any]]:
    problems = list(islice(_name_problems(columns, names, row=None), MAX_PROBLEMS))
    problems += [
        Problem(code="wrong_shape", message="a column must be a list of values", column=name)
        for name in names
        if not isinstance(columns.get(name, []), list)
    ]
    if problems:
        raise InputRefused(problems[:MAX_PROBLEMS])
    lengths = {name: len(columns[name]) for name in names}
    longest = max(lengths.values(), default=0)
    _check_count(longest, max_rows)
    unequal = [
        Problem(code="unequal_lengths", message=f"has {length} values where another column has {longest}", column=name)
        for name, length in lengths.items()
        if length != longest
    ]
    if unequal:
        raise InputRefused(unequal[:MAX_PROBLEMS])
    return {name: columns[name] for name in names}


def _name_problems(found: dict[str, Any], names: tuple[str, ...], *, row: int | None) -> Iterable[Problem]:
    if isinstance(found, Repeating):
        for name in found.repeated:
            yield Problem(code="duplicate_column", message="is given more than once", row=row, column=_spelled(name))
    for name in names:
        if name not in found:
            yield Problem(code="missing_column", message="is missing", row=row, column=name)
    for name in found:
        if name not in names:
            yield Problem(code="unknown_column", message="is no column of this model", row=row, column=_spelled(name))


def _arrays(columns: dict[str, list[Any]], schema: Schema) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    problems: list[Problem] = []
    for column in schema.columns:
        values = columns[column.name]
        try:
            arrays[column.name] = cells.array(column, values)
        except cells.Unfit:
            problems += [
                Problem(code=fault.code, message=fault.message, row=row, column=column.name)
                for row, fault in islice(cells.faults(column, values), MAX_PROBLEMS)
            ]
    if problems:
        # A stable sort: within a row the columns stay in the schema's order.
        raise InputRefused(sorted(problems, key=lambda problem: problem.row or 0)[:MAX_PROBLEMS])
    return arrays


def _check_count(count: int, max_rows: int) -> None:
    if count == 0:
        raise _refused("no_rows", "there must be at least one row")
    if count > max_rows:
        raise TooManyRows(count, max_rows)


def _refused(code: str, message: str) -> InputRefused:
    return InputRefused([Problem(code=code, message=message)])


def _spelled(name: str) -> str:
    """A name from the request, short and fit for an answer in UTF-8."""
    return name[:200].encode("utf-8", "replace").decode()
