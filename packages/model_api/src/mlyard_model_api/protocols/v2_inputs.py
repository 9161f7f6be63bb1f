"""What each tensor of a request is for: a column, all columns as one matrix, or the missing values of one of these."""

from collections.abc import Sequence
from functools import cached_property

from mlyard_shared.columns import ColumnType, Grammar, composed
from mlyard_shared.schema import Schema

from mlyard_model_api.errors import InputRefused, Problem, TooManyRows
from mlyard_model_api.protocols.rows import MAX_PROBLEMS
from mlyard_model_api.protocols.v2_requests import Given, refused, spelled
from mlyard_model_api.protocols.v2_tensors import NUMPY

MATRIX = "inputs"
"""The input that has all columns side by side, for a model of numbers alone."""
MISSING = ".missing"
"""What an input's name ends with that is true where the input of the name before it has no value."""

_INTEGERS = tuple(name for name, kind in NUMPY.items() if kind.kind in "iu")
_FLOATS = tuple(name for name, kind in NUMPY.items() if kind.kind == "f")
_TAKEN: dict[ColumnType, tuple[str, ...]] = {
    "integer": _INTEGERS,
    "number": (*_FLOATS, *_INTEGERS),
    "boolean": ("BOOL",),
    "category": ("BYTES",),
    "datetime": ("BYTES",),
}
"""The datatypes that a column takes without a change of its values."""


def takes_matrix(schema: Schema) -> bool:
    """Whether a model takes its columns as one matrix too."""
    return len(schema.columns) > 1 and all(
        column.type in ("integer", "number") and column.name != MATRIX for column in schema.columns
    )


class Inputs:
    """The tensors of a request, each by the name that the schema has for it: `columns` or `matrix`, and `missing`."""

    def __init__(self, given: Sequence[Given], schema: Schema, grammar: Grammar, *, max_rows: int) -> None:
        """Sort them.

        Raises:
            InputRefused: they are not those of the model; holds the first problems.
            TooManyRows: there are more than `max_rows`.
        """
        self.columns: dict[str, Given] = {}
        self.matrix: Given | None = None
        self.missing: dict[str, Given] = {}
        self._known = {column.name: column for column in schema.columns}
        self._takes_matrix = takes_matrix(schema)
        self._any_form = grammar.version > 1
        self._max_rows = max_rows
        self._problems: list[Problem] = []
        for one in given:
            self._add(one)
        self._check_all_there()
        if self._problems:
            raise InputRefused(self._problems[:MAX_PROBLEMS])
        tensors = [self.matrix] if self.matrix is not None else list(self.columns.values())
        self.rows = self._check_rows([*tensors, *self.missing.values()])

    def _add(self, given: Given) -> None:
        name = self._meant(given.name)
        of = self._meant(given.name[: -len(MISSING)]) if name is None and given.name.endswith(MISSING) else None
        if of is not None:
            self._take(given, self.missing, of, taken=("BOOL",), width=self._width(of))
        elif name == MATRIX and self._takes_matrix:
            matrix: dict[str, Given] = {MATRIX: self.matrix} if self.matrix is not None else {}
            self._take(given, matrix, MATRIX, taken=_TAKEN["number"], width=self._width(MATRIX))
            self.matrix = matrix[MATRIX]
        elif name is not None:
            self._take(given, self.columns, name, taken=_TAKEN[self._known[name].type], width=1)
        else:
            self._note("unknown_column", "is not an input of this model", given.name)

    def _take(self, given: Given, others: dict[str, Given], name: str, *, taken: tuple[str, ...], width: int) -> None:
        shapes = ((width,),) if width > 1 else ((), (1,))
        if name in others:
            self._note("duplicate_column", "is given more than once", given.name)
        elif given.datatype not in taken:
            self._note("wrong_datatype", f"must be of the datatype {' or '.join(taken)}", given.name)
        elif given.shape[1:] not in shapes:
            wanted = f"[rows, {width}]" if width > 1 else "[rows] or [rows, 1]"
            self._note("wrong_shape", f"must have the shape {wanted}", given.name)
        others.setdefault(name, given)

    def _check_all_there(self) -> None:
        if self.matrix is not None:
            for name in self.columns:
                self._note("duplicate_column", f"is in the matrix {MATRIX} already", name)
        else:
            for name in self._known:
                if name not in self.columns:
                    self._note("missing_column", "is missing", name)
        for name, given in self.missing.items():
            if (self.matrix if name == MATRIX else self.columns.get(name)) is None:
                self._note("unknown_column", "is there without the input of its name", given.name)

    def _check_rows(self, tensors: Sequence[Given]) -> int:
        """Return the number of rows; raises `InputRefused` and `TooManyRows`."""
        rows = max(given.shape[0] for given in tensors)
        if rows > self._max_rows:
            raise TooManyRows(f"there are more rows than the {self._max_rows} that are taken")
        for given in tensors:
            if given.shape[0] != rows:
                message = f"has {given.shape[0]} rows where another input has {rows}"
                self._note("unequal_lengths", message, given.name)
        if self._problems:
            raise InputRefused(self._problems[:MAX_PROBLEMS])
        if rows == 0:
            raise refused("no_rows", "there must be at least one row")
        return rows

    def _width(self, name: str) -> int:
        return len(self._known) if name == MATRIX and self._takes_matrix else 1

    def _meant(self, name: str) -> str | None:
        """The input that a name stands for, a column's in any Unicode form."""
        if name in self._known or (name == MATRIX and self._takes_matrix):
            return name
        # Text is at most four times as long as its NFC form, and normalising takes quadratic time.
        if not self._any_form or name.isascii() or len(name) > self._longest:
            return None
        return self._spellings.get(composed(name))

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {composed(name): name for name in self._known}

    @cached_property
    def _longest(self) -> int:
        return 4 * max(map(len, self._spellings))

    def _note(self, code: str, message: str, column: str) -> None:
        self._problems.append(Problem(code=code, message=message, column=spelled(column)))
