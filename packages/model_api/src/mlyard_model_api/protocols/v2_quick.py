"""The fast way to read a request for a model of numbers alone, wherever `v2_requests` and `v2_columns` say the same.

What it does not take, it does not judge: those read it again, and say what is wrong. As in `typed`, msgspec checks
types while it parses, and a key that comes twice shows in the number of strings.
"""

import re
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.features import Array, Table
from mlyard_shared.manifest import Manifest
from msgspec import UNSET, UnsetType

from mlyard_model_api.errors import BrokenBody, TooManyRows
from mlyard_model_api.protocols import typed, v2_columns, v2_outputs, v2_tensors
from mlyard_model_api.protocols.documents import count_of, has_more_values, parse, strings
from mlyard_model_api.protocols.kept import kept
from mlyard_model_api.protocols.rows import FirstProblems
from mlyard_model_api.protocols.v2_inputs import MATRIX, Inputs, takes_matrix
from mlyard_model_api.protocols.v2_requests import Given, InferenceRequest, Wanted
from mlyard_model_api.protocols.v2_tensors import NUMPY, Data

LONGEST = 32
"""Longer than a number is on average, with all that may stand around it."""

_LONG_NUMBER = re.compile(rb"[0-9]{400}")
"""Python may refuse to read a longer one."""

_FLOATS = {name: kind for name, kind in NUMPY.items() if kind.kind == "f"}
_INTEGERS = {name: kind for name, kind in NUMPY.items() if kind.kind in "iu"}


class _Closed(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    pass


class _InputParameters(_Closed):
    binary_data_size: int


class _OutputParameters(_Closed):
    binary_data: bool


class _RequestParameters(_Closed):
    binary_data_output: bool


class _Input(_Closed):
    name: str
    shape: list[int]
    datatype: str
    parameters: _InputParameters | UnsetType = UNSET
    data: msgspec.Raw | UnsetType = UNSET


class _Output(_Closed):
    name: str
    parameters: _OutputParameters | UnsetType = UNSET


class _Request(_Closed):
    inputs: list[_Input]
    outputs: list[_Output] | UnsetType = UNSET
    parameters: _RequestParameters | UnsetType = UNSET
    id: str | UnsetType = UNSET
    model_name: str | UnsetType = UNSET


_REQUEST = msgspec.json.Decoder(_Request)
_FLAT: dict[str, Any] = {"FP64": msgspec.json.Decoder(list[float]), "INT64": msgspec.json.Decoder(list[int])}
_NESTED: dict[str, Any] = {
    "FP64": msgspec.json.Decoder(list[list[float]]),
    "INT64": msgspec.json.Decoder(list[list[int]]),
}


class QuickReader:
    """Reads requests for one version. Threads may share it."""

    def __init__(self, manifest: Manifest) -> None:
        """Look at the columns of a version."""
        columns = manifest.input_schema.columns
        self._takes = all(column.type in ("integer", "number") for column in columns)
        self._takes_matrix = takes_matrix(manifest.input_schema)
        self._model = manifest.model
        self._layout = typed.reader(manifest).layout
        self._grammar = GRAMMARS[manifest.grammar]
        self._numbers = cells.Numbers(self._layout.numbers, self._grammar)
        self._offered = v2_outputs.offered(manifest)
        self._kinds = [_INTEGERS if column.type == "integer" else _FLOATS for column in columns]
        self._integers = [row for row, column in enumerate(columns) if column.type == "integer"]
        self._required = [row for row, column in enumerate(columns) if not column.nullable]

    def read(
        self, document: bytes | bytearray, behind: memoryview, *, max_rows: int
    ) -> tuple[InferenceRequest, Table] | None:
        """Return the request and its columns, or None where the strict way has to look.

        Raises:
            InputRefused: the inputs or the outputs are not the model's.
            TooManyRows: there are more than `max_rows`.
        """
        width = len(self._kinds)
        if not self._takes or has_more_values(document, rows=(max_rows + 1) * width, columns=1):
            return None
        # More inputs, outputs and parameters than there can be.
        if document.count(b"{") > 4 * width + 64:
            return None
        try:
            request = _REQUEST.decode(document)
            texts = _texts(document, request)
            if texts is None or request.model_name not in (UNSET, self._model):
                return None
            read: dict[str, Array] = {}
            named = self._are_named(request.inputs)
            block = None if texts or not named else self._filled(request, behind, max_rows, read)
            if block is None:
                # Beside the columns there may be what says which of their values are missing.
                if self._check(document, request, behind, max_rows) and named:
                    self._refuse(request.inputs, max_rows, read)
                return None
            missing = np.isnan(block)
            if missing.any():
                if missing[self._required].any():
                    return None
                # Bytes may be any NaN.
                block[missing] = np.nan
            table = Table(self._layout, self._numbers.checked(block), {})
        # What msgspec raises itself, numbers beyond a datatype, and nesting.
        except (ValueError, OverflowError, RecursionError, cells.DoesNotFit):
            return None
        return _understood(request), table

    def _are_named(self, inputs: Sequence[_Input]) -> bool:
        """Whether each input has the name of a column, or the only one that of the matrix."""
        if len(inputs) == 1 and inputs[0].name == MATRIX and self._takes_matrix:
            return True
        return len(inputs) == len(self._kinds) and {one.name for one in inputs} == self._layout.rows.keys()

    def _filled(self, request: _Request, behind: memoryview, max_rows: int, read: dict[str, Array]) -> Array | None:
        """The numbers of all columns, or None where some value is none; `read` gets those that are read until then."""
        try:
            return self._block(request.inputs, behind, max_rows, read)
        except (ValueError, OverflowError):
            return None

    def _refuse(self, inputs: Sequence[_Input], max_rows: int, read: dict[str, Array]) -> None:
        """Refuse values that do not fit, of which only those of their own column are read strictly.

        Raises:
            InputRefused: there are some, where each column has an input in JSON, of the usual datatype.
        """
        given = {one.name: one for one in inputs}
        wrong = FirstProblems()
        for column in self._layout.schema.columns:
            one = given.get(column.name)
            if one is None or one.data is UNSET or one.datatype != ("INT64" if column.type == "integer" else "FP64"):
                return
            try:
                values = read.get(column.name)
                if values is None:
                    values = np.array(_FLAT[one.datatype].decode(bytes(one.data)), dtype=NUMPY[one.datatype])
                data = Data(values, None) if len(values) == one.shape[0] else None
            except (ValueError, OverflowError):
                data = None
            if data is None:
                try:
                    listed = parse(bytes(one.data), rows=max_rows, columns=1)
                except (BrokenBody, TooManyRows):
                    return
                data = v2_tensors.read(Given(one.name, one.datatype, tuple(one.shape), listed), [column.name])
            found = v2_columns.numbers(column, data.before(wrong.end), self._grammar)
            if not isinstance(found, np.ndarray):
                wrong.add(found)
        wrong.refuse()

    def _check(self, document: bytes | bytearray, request: _Request, behind: memoryview, max_rows: int) -> bool:
        """Refuse inputs that are not the model's by their names, datatypes or shapes, as the strict way would.

        Whether all but the values is right, for sure.

        That takes as long as an answer, for which no value is looked at; all that stands before must be right.

        Raises:
            InputRefused: they are not; an output that is wanted is not offered.
            TooManyRows: there are more than `max_rows`.
        """
        lists = 1 + (request.outputs is not UNSET) + sum(1 + (one.data is not UNSET) for one in request.inputs)
        if count_of(document, b"[") != lists or _LONG_NUMBER.search(document) is not None:
            return False
        left = len(behind)
        for one in request.inputs:
            if len(one.shape) not in (1, 2) or min(one.shape) < 0 or (one.data is UNSET) == (one.parameters is UNSET):
                return False
            size = one.parameters.binary_data_size if one.parameters is not UNSET else 0
            if not 0 <= size <= left or (one.data is not UNSET and bytes(one.data)[:1] != b"["):
                return False
            left -= size
        if left:
            return False
        v2_outputs.check(_understood(request).outputs, self._offered)
        given = [Given(one.name, one.datatype, tuple(one.shape), []) for one in request.inputs]
        Inputs(given, self._layout.schema, self._grammar, max_rows=max_rows)
        return True

    def _block(
        self, inputs: Sequence[_Input], behind: memoryview, max_rows: int, read: dict[str, Array]
    ) -> Array | None:
        """The numbers of all columns, float64 [columns, n]; those of JSON that are floats are in `read`, too."""
        first = inputs[0] if inputs else None
        rows = first.shape[0] if first is not None and first.shape else 0
        if first is None or not 0 < rows <= max_rows:
            return None
        if len(inputs) == 1 and first.name == MATRIX and self._takes_matrix:
            return self._matrix(first, behind, rows)
        if len(inputs) != len(self._kinds):
            return None
        block = np.empty((len(inputs), rows))
        given = set()
        for one in inputs:
            row = self._layout.rows.get(one.name)
            kind = self._kinds[row].get(one.datatype) if row is not None else None
            if row is None or kind is None or one.shape not in ([rows], [rows, 1]):
                return None
            size = rows * kind.itemsize
            if one.data is UNSET and one.parameters is not UNSET:
                if one.parameters.binary_data_size != size or len(behind) < size:
                    return None
                block[row] = np.frombuffer(behind[:size], dtype=kind)
                behind = behind[size:]
            elif one.data is not UNSET and one.parameters is UNSET and one.datatype in _FLAT:
                block[row] = _from_json(one).reshape(rows)
                if one.datatype == "FP64":
                    read[one.name] = block[row]
            else:
                return None
            given.add(row)
        return block if len(given) == len(inputs) and not len(behind) else None

    def _matrix(self, given: _Input, behind: memoryview, rows: int) -> Array | None:
        width = len(self._kinds)
        kind = _FLOATS.get(given.datatype)
        if kind is None or given.shape != [rows, width]:
            return None
        if given.data is UNSET and given.parameters is not UNSET:
            if not given.parameters.binary_data_size == len(behind) == rows * width * kind.itemsize:
                return None
            matrix = np.frombuffer(behind, dtype=kind).astype(np.float64).reshape(rows, width)
        elif given.data is not UNSET and given.parameters is UNSET and given.datatype == "FP64" and not len(behind):
            matrix = _from_json(given)
        else:
            return None
        block: Array = matrix.T
        if not self._integers:
            return block
        whole = block[self._integers]
        return block if (whole == np.floor(whole)).all() else None


reader = kept(QuickReader)


def _from_json(given: _Input) -> Array:
    """The numbers of a tensor, in its shape; raises `ValueError` where they do not fill it."""
    data = bytes(given.data)  # type: ignore[arg-type] # it is there
    # Far more values than its shape has would be made before that shows.
    if len(data) > LONGEST * (prod(given.shape) + 1):
        raise ValueError
    if len(given.shape) == 1 or data[1:].lstrip()[:1] != b"[":
        return np.array(_FLAT[given.datatype].decode(data), dtype=np.float64).reshape(given.shape)
    # NumPy refuses rows of other lengths than the first.
    found: Array = np.array(_NESTED[given.datatype].decode(data), dtype=np.float64)
    if list(found.shape) != given.shape:
        raise ValueError
    return found


def _texts(document: bytes | bytearray, request: _Request) -> int | None:
    """How many texts there are among the values; None where a key may have come twice."""
    found = strings(document)
    if found is None or found == _strings(request):
        return found and 0
    texts = sum(count_of(bytes(one.data), b'"') // 2 for one in request.inputs if one.data is not UNSET)
    # Values are only looked at where they are decoded, and may be no UTF-8.
    is_plain = document.isascii() and b"\\" not in document
    return texts if is_plain and found == _strings(request) + texts else None


def _strings(request: _Request) -> int:
    """How many strings the document of a request has where no key comes twice."""
    count = 1 + sum(2 for one in (request.id, request.model_name) if one is not UNSET)
    count += 2 if request.parameters is not UNSET else 0
    for given in request.inputs:
        count += 5 + (2 if given.parameters is not UNSET else 0) + (1 if given.data is not UNSET else 0)
    if request.outputs is not UNSET:
        count += 1 + sum(2 + (2 if wanted.parameters is not UNSET else 0) for wanted in request.outputs)
    return count


def _understood(request: _Request) -> InferenceRequest:
    binary = request.parameters is not UNSET and request.parameters.binary_data_output
    outputs: Iterable[_Output] = request.outputs if request.outputs is not UNSET else ()
    wanted = tuple(
        Wanted(one.name, one.parameters.binary_data if one.parameters is not UNSET else binary) for one in outputs
    )
    return InferenceRequest(request.id if request.id is not UNSET else None, (), wanted, binary)
