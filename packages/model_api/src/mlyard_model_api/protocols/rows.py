"""From a JSON document to a model's columns: rows as records, or columns as lists, and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from mlyard_shared import cells
from mlyard_shared.columns import Fault, Grammar, composed
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, Schema

from mlyard_model_api.errors import InputRefused, Problem, TooManyRows
from mlyard_model_api.protocols.documents import Repeating, as_object, renamed
from mlyard_model_api.protocols.kept import kept

Faults = Iterator[tuple[int, Fault]]
"""Positions, and what is wrong there."""
MAX_PROBLEMS = 20
"""At most this many problems are named in one answer."""
FEW_ROWS = 32
"""So many values are faster looked at one by one than by halves."""
_FEW_COLUMNS = 8
"""So many columns, too."""


def read(document: Any, schema: Schema, grammar: Grammar, *, max_rows: int) -> dict[str, Array]:
    """Return each column of the schema, shape [n], as `mlyard_shared.features` takes it.

    A column's name may be in any Unicode form, except in grammar 1, which compared names as they were.

    Raises:
        InputRefused: the document breaks the schema; holds the first problems.
        TooManyRows: there are more than `max_rows`.
    """
    kind, content = content_of(document)
    names = _Names(schema, grammar)
    if kind == "rows":
        columns = _from_rows(content, names, max_rows=max_rows)
    else:
        columns = _from_columns(content, names, max_rows=max_rows)
    return arrays(columns, schema, grammar)


class _Spellings:
    """The names of a schema's columns, by their NFC form too."""

    def __init__(self, schema: Schema) -> None:
        self.all = tuple(column.name for column in schema.columns)
        self.known = frozenset(self.all)
        self.composed = {composed(name): name for name in self.all} | {name: name for name in self.all}
        # Text is at most four times as long as its NFC form.
        self.longest = 4 * max(map(len, self.composed), default=0)


_spellings = kept(_Spellings)


class _Names:
    """The names of the schema's columns, and how a request may spell them."""

    def __init__(self, schema: Schema, grammar: Grammar) -> None:
        self._spellings = _spellings(schema)
        self.all = self._spellings.all
        self.known = self._spellings.known
        self._any_form = grammar.version > 1
        self._meanings: dict[str, str] = {}

    def fit(self, found: Any) -> bool:
        """Whether this is an object with the schema's names as it spells them, each once."""
        return type(found) is dict and found.keys() == self.known

    def as_in_schema(self, found: dict[str, Any]) -> dict[str, Any]:
        """The same values by the schema's own spelling; names that are not in it stay as they are."""
        if not self._any_form:
            return found
        other = {name: meant for name in found if name not in self.known and (meant := self._meant(name)) != name}
        return renamed(found, other) if other else found

    def _meant(self, name: str) -> str:
        # The next row spells it likewise, and normalising takes quadratic time.
        if name not in self._meanings and len(name) <= self._spellings.longest:
            self._meanings[name] = self._spellings.composed.get(composed(name), name)
        return self._meanings.get(name, name)


def content_of(document: Any) -> tuple[str, Any]:
    """Return "rows" or "columns", and what is under it; raises `InputRefused`."""
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


def _from_rows(rows: list[Any], names: _Names, *, max_rows: int) -> dict[str, list[Any]]:
    check_count(len(rows), max_rows)
    if not all(map(names.fit, rows)):
        rows = _respelled(enumerate(rows), names)
    return {name: [row[name] for row in rows] for name in names.all}


def check_names(numbered: Iterable[tuple[int, Any]], schema: Schema, grammar: Grammar) -> None:
    """Refuse rows, with their numbers, that have not the names of the schema; raises `InputRefused`."""
    _respelled(numbered, _Names(schema, grammar))


def _respelled(numbered: Iterable[tuple[int, Any]], names: _Names) -> list[dict[str, Any]]:
    """The rows by the schema's own names; raises `InputRefused` where that cannot be."""
    result: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, row in numbered:
        if names.fit(row):
            result.append(row)
        elif isinstance(row, dict):
            result.append(names.as_in_schema(row))
            if not names.fit(result[-1]):
                problems += islice(_name_problems(result[-1], names, row=number), MAX_PROBLEMS)
        else:
            message = "a row must be an object of columns and values"
            problems.append(Problem(code="wrong_shape", message=message, row=number))
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise InputRefused(problems[:MAX_PROBLEMS])
    return result


def _from_columns(columns: dict[str, Any], names: _Names, *, max_rows: int) -> dict[str, list[Any]]:
    if not names.fit(columns):
        columns = names.as_in_schema(columns)
    problems = list(islice(_name_problems(columns, names, row=None), MAX_PROBLEMS))
    problems += [
        Problem(code="wrong_shape", message="a column must be a list of values", column=name)
        for name in names.all
        if not isinstance(columns.get(name, []), list)
    ]
    if problems:
        raise InputRefused(problems[:MAX_PROBLEMS])
    lengths = {name: len(columns[name]) for name in names.all}
    check_lengths(lengths, max_rows)
    return {name: columns[name] for name in names.all}


def check_lengths(lengths: Mapping[str, int], max_rows: int) -> None:
    """Refuse columns that are not of one length; raises `InputRefused` and `TooManyRows`."""
    longest = max(lengths.values(), default=0)
    check_count(longest, max_rows)
    unequal = [
        Problem(code="unequal_lengths", message=f"has {length} values where another column has {longest}", column=name)
        for name, length in lengths.items()
        if length != longest
    ]
    if unequal:
        raise InputRefused(unequal[:MAX_PROBLEMS])


def _name_problems(found: dict[str, Any], names: _Names, *, row: int | None) -> Iterable[Problem]:
    if isinstance(found, Repeating):
        for name in found.repeated:
            yield Problem(code="duplicate_column", message="is given more than once", row=row, column=_spelled(name))
    for name in names.all:
        if name not in found:
            yield Problem(code="missing_column", message="is missing", row=row, column=name)
    for name in found:
        if name not in names.known:
            yield Problem(
                code="unknown_column", message="is not a column of this model", row=row, column=_spelled(name)
            )


def positions(given: Sequence[str], schema: Schema, grammar: Grammar) -> list[int]:
    """Where each column of the schema is among the names that a table gives, in whatever order and Unicode form.

    Raises:
        InputRefused: a name is missing, unknown or repeated.
    """
    names = _Names(schema, grammar)
    if tuple(given) == names.all:
        return list(range(len(given)))
    found = names.as_in_schema(as_object(list(zip(given, range(len(given)), strict=True))))
    problems = list(islice(_name_problems(found, names, row=None), MAX_PROBLEMS))
    if problems:
        raise InputRefused(problems)
    return [found[name] for name in names.all]


class FirstProblems:
    """The problems of the first rows, and within a row in the order of the columns, which are looked at in this order.

    Once there are as many as are told, of further columns only the rows before them matter, be there thousands.
    """

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        self._found: list[Problem] = []

    def add(self, problems: Iterable[Problem]) -> None:
        """Take those of the next column."""
        found = [*self._found, *islice(problems, MAX_PROBLEMS)]
        self._found = sorted(found, key=lambda problem: problem.row or 0)[:MAX_PROBLEMS]

    @property
    def end(self) -> int | None:
        """Of the next column only the rows before this one matter; None for all."""
        return self._found[-1].row if len(self._found) == MAX_PROBLEMS else None

    def refuse(self) -> None:
        """Refuse what is wrong; raises `InputRefused`."""
        if self._found:
            raise InputRefused(self._found)


def arrays(columns: Mapping[str, Sequence[Any]], schema: Schema, grammar: Grammar) -> dict[str, Array]:
    """Return each column of the schema, of values by right names, as many in each; raises `InputRefused`."""
    found = _numbers(columns, schema, grammar)
    wrong = FirstProblems()
    for column in schema.columns:
        if column.name in found or wrong.end == 0:
            continue
        values = columns[column.name] if wrong.end is None else columns[column.name][: wrong.end]
        try:
            found[column.name] = cells.array(column, values, grammar)
        except cells.DoesNotFit:
            wrong.add(cell_problems(column, values, grammar))
    wrong.refuse()
    return {column.name: found[column.name] for column in schema.columns}


def _numbers(columns: Mapping[str, Sequence[Any]], schema: Schema, grammar: Grammar) -> dict[str, Array]:
    """Those columns that are numbers for sure: in one block, which takes less time than one by one."""
    chosen = [
        column
        for column in schema.columns
        if column.type in ("integer", "number") and cells.types_fit(column, columns[column.name])
    ]
    return _blocks(chosen, columns, grammar) if chosen else {}


def _blocks(chosen: Sequence[Column], columns: Mapping[str, Sequence[Any]], grammar: Grammar) -> dict[str, Array]:
    """Columns of the right types in blocks, by halves where one does not fit, and without that one."""
    values = [columns[column.name] for column in chosen]
    try:
        block = cells.Numbers(chosen, grammar).by_column(values, rows=len(values[0]))
    except cells.DoesNotFit:
        half = len(chosen) // 2
        if half < _FEW_COLUMNS:
            return {}
        return _blocks(chosen[:half], columns, grammar) | _blocks(chosen[half:], columns, grammar)
    # NaN is not a null: where there is one, it is to be seen which it was.
    missing = np.array(np.isnan(block).any(axis=1)).tolist()
    return {column.name: row for column, row, lacks in zip(chosen, block, missing, strict=True) if not lacks}


def value_problems(
    column: Column,
    values: Sequence[Any],
    fits: Callable[[Sequence[Any]], bool],
    faults: Callable[[Sequence[Any]], Faults],
) -> Iterator[Problem]:
    """What is wrong in a column, found in about the time that it takes to read one that is right.

    Args:
        column: the column.
        values: its values, of which some do not fit.
        fits: whether all of several values fit.
        faults: which of several values do not fit, and why.
    """
    start = 0
    while start < len(values):
        block = _next_wrong(values, start, fits)
        for row, fault in islice(faults(values[block.start : block.stop]), MAX_PROBLEMS):
            yield Problem(code=fault.code, message=fault.message, row=block.start + row, column=column.name)
        start = block.stop


def cell_problems(column: Column, values: Sequence[Any], grammar: Grammar) -> Iterator[Problem]:
    """What is wrong in a column of typed cells."""

    def fits(some: Sequence[Any]) -> bool:
        try:
            cells.array(column, some, grammar)
        except cells.DoesNotFit:
            return False
        return True

    return value_problems(column, values, fits, lambda some: cells.faults(column, some, grammar))


def _next_wrong(values: Sequence[Any], start: int, fits: Callable[[Sequence[Any]], bool]) -> range:
    """The next few rows among which one does not fit: in ever larger steps up to it, then by halves."""
    step = FEW_ROWS
    while start < len(values) and fits(values[start : start + step]):
        start += step
        step *= 2
    while step > FEW_ROWS:
        step //= 2
        if fits(values[start : start + step]):
            start += step
    return range(start, start + step)


def check_count(count: int, max_rows: int) -> None:
    """Refuse a table without rows, or with too many; raises `InputRefused` and `TooManyRows`."""
    if count == 0:
        raise _refused("no_rows", "there must be at least one row")
    if count > max_rows:
        raise TooManyRows(f"there are {count} rows, and at most {max_rows} are taken")


def _refused(code: str, message: str) -> InputRefused:
    return InputRefused([Problem(code=code, message=message)])


def _spelled(name: str) -> str:
    """A name from the request, short and fit for an answer in UTF-8."""
    return name[:200].encode("utf-8", "replace").decode()
