"""What is wrong in rows of numbers, found in about the time of an answer: only rows that do not fit are read strictly.

`typed` says how many rows fit before the first that does not. Of those after it the names are looked at, each row by
itself; and where all names are right, the values. What cannot be told so, `documents` and `rows` tell.
"""

from typing import Any

import msgspec
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.manifest import Manifest
from msgspec.structs import astuple

from mlyard_model_api.errors import InputRefused, RequestRefused
from mlyard_model_api.protocols import documents, rows, typed
from mlyard_model_api.protocols.kept import kept


class _Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    rows: list[msgspec.Raw]


_BODY = msgspec.json.Decoder(_Body)


class WrongRows:
    """Looks at bodies for one schema. Threads may share it."""

    def __init__(self, manifest: Manifest) -> None:
        """Look by the schema and the grammar of a version."""
        self._schema = manifest.input_schema
        self._grammar = GRAMMARS[manifest.grammar]
        columns = self._schema.columns
        self._names = [column.name for column in columns]
        self._numbers = cells.Numbers(columns, self._grammar)
        self._right = self._named = None
        if all(column.type in ("integer", "number", "boolean") for column in columns):
            self._right, self._named = (typed.row_decoder(columns, known=known) for known in (True, False))

    def check(self, body: bytes | bytearray, *, fitting: int, max_rows: int) -> None:
        """Refuse what is wrong for sure, as the strict way would.

        Args:
            body: what `typed` does not take.
            fitting: how many rows have the right names and types before the first that has not.
            max_rows: the most rows that are taken.

        Raises:
            RequestRefused: the body breaks the schema, or has too many parts.
        """
        if self._right is None or self._named is None or b"\\" in body:
            return
        documents.check_parts(body, rows=max_rows, columns=len(self._names))
        try:
            given = list(map(bytes, _BODY.decode(body).rows))
            quotes = [documents.count_of(row, b'"') for row in given]
            # Else there were other rows under the same name, or there are too many, or none.
            if documents.count_of(body, b'"') != 2 + sum(quotes) or not 0 < len(given) <= max_rows:
                return
            tail = self._check_names(given, quotes, fitting)
            head = [astuple(self._right.decode(row)) for row in given[:fitting]]
            if head:
                self._numbers.by_row(head)
        # It is for the strict way.
        except (ValueError, RecursionError, cells.DoesNotFit):
            return
        if tail:
            self._check_values(tail, fitting)

    def _check_names(self, given: list[bytes], quotes: list[int], fitting: int) -> list[tuple[Any, ...]]:
        """Refuse rows with other names, or with one twice; return the values of those after the ones that fit.

        Raises:
            InputRefused: there are such rows.
            ValueError: the strict way has to look.
        """
        assert self._named is not None  # noqa: S101 - `check` has asked
        wrong: list[tuple[int, Any]] = []
        values: list[tuple[Any, ...]] = []
        for number, (row, count) in enumerate(zip(given, quotes, strict=True)):
            try:
                of_row = astuple(self._named.decode(row)) if number >= fitting else ()
                # A name that comes again has left its quotes.
                if count == 2 * (len(self._names) + documents.strings_among(of_row)):
                    values += [of_row] if of_row else []
                    continue
            except msgspec.ValidationError:
                pass
            try:
                wrong.append((number, documents.parse(row, rows=1, columns=len(self._names))))
            except RequestRefused:
                raise ValueError from None
            if len(wrong) >= rows.MAX_PROBLEMS:
                break
        if wrong:
            rows.check_names(wrong, self._schema, self._grammar)
            raise ValueError
        return values

    def _check_values(self, tail: list[tuple[Any, ...]], fitting: int) -> None:
        columns = dict(zip(self._names, zip(*tail, strict=True), strict=True))
        try:
            rows.arrays(columns, self._schema, self._grammar)
        except InputRefused as error:
            moved = [problem.model_copy(update={"row": (problem.row or 0) + fitting}) for problem in error.problems]
            raise InputRefused(moved) from None


reader = kept(WrongRows)
