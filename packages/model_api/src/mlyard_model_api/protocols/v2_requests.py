"""The document of an inference request of the Open Inference Protocol V2: what is given, and what is wanted.

Sources: kserve/open-inference-protocol, `inference_rest.md`; for data behind the document, Triton's binary tensor data
extension.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlyard_model_api.errors import BrokenBody, InputRefused, Problem
from mlyard_model_api.protocols.documents import Repeating

UNSUPPORTED = ("shared_memory_region", "classification", "sequence_id")
"""Parameters of extensions that change what a request means; all that are unknown may be given and do nothing."""

_NONE: Mapping[str, Any] = {}
_REQUEST = frozenset({"id", "parameters", "inputs", "outputs", "model_name", "model_version"})
"""The last two are in the address already; KServe's client repeats them."""
_INPUT = frozenset({"name", "shape", "datatype", "parameters", "data"})
_OUTPUT = frozenset({"name", "parameters"})


@dataclass(frozen=True)
class Given:
    """A tensor of the request; `data` are the values of the document, or the bytes behind it."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | memoryview


@dataclass(frozen=True)
class Wanted:
    """A tensor that is asked for; `binary` says whether in bytes behind the answer's document."""

    name: str
    binary: bool


@dataclass(frozen=True)
class InferenceRequest:
    """A request; `outputs` is empty for all of them, which `binary` is for."""

    identity: str | None
    inputs: tuple[Given, ...]
    outputs: tuple[Wanted, ...]
    binary: bool


def read(document: Any, behind: memoryview, *, model: str) -> InferenceRequest:
    """Take a document apart, and share out the bytes behind it in the order of the inputs.

    Raises:
        InputRefused: it is no inference request, or is for another model.
        BrokenBody: the bytes do not fit.
    """
    request = _object(document, "the body", _REQUEST, required=("inputs",))
    identity = _text(request.get("id"), "id")
    if _text(request.get("model_name"), "model_name") not in (None, model):
        raise refused("wrong_model", "the body names another model than the address")
    _text(request.get("model_version"), "model_version")
    parameters = _parameters(request, "the request")
    binary = _flag(parameters, "binary_data_output", default=False)
    inputs: list[Given] = []
    for position, one in enumerate(_list(request["inputs"], "inputs")):
        given, behind = _input(one, f"input {position}", behind)
        inputs.append(given)
    if len(behind):
        raise BrokenBody(f"{len(behind)} bytes are left behind the data of the inputs")
    outputs = request.get("outputs")
    wanted = _list(outputs, "outputs") if outputs is not None else []
    return InferenceRequest(
        identity,
        tuple(inputs),
        tuple(_output(one, f"output {position}", binary=binary) for position, one in enumerate(wanted)),
        binary,
    )


def refused(code: str, message: str, *, column: str | None = None, row: int | None = None) -> InputRefused:
    """The error of one problem."""
    return InputRefused([Problem(code=code, message=message, column=column, row=row)])


def spelled(name: str) -> str:
    """A name from the request, short and fit for an answer in UTF-8."""
    return name[:200].encode("utf-8", "replace").decode()


def _input(found: Any, where: str, behind: memoryview) -> tuple[Given, memoryview]:
    """One input, and the bytes that are left."""
    fields = _object(found, where, _INPUT, required=("name", "shape", "datatype"))
    name, datatype = fields["name"], fields["datatype"]
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise refused("wrong_shape", f"{where}: name and datatype must be texts")
    shape = _shape(fields["shape"], name)
    parameters = _parameters(fields, where)
    size, data = parameters.get("binary_data_size"), fields.get("data")
    if (size is None) == (data is None):
        raise refused("wrong_shape", "must have either data or binary_data_size", column=spelled(name))
    if size is None:
        if not isinstance(data, list):
            raise refused("wrong_shape", "data must be a list", column=spelled(name))
        return Given(name, datatype, shape, data), behind
    if type(size) is not int or size < 0:
        raise refused("wrong_shape", "binary_data_size must be a number of bytes", column=spelled(name))
    if size > len(behind):
        raise BrokenBody(f"{where}: binary_data_size is {size}, and {len(behind)} bytes are left behind the document")
    return Given(name, datatype, shape, behind[:size]), behind[size:]


def _shape(found: Any, name: str) -> tuple[int, ...]:
    if not isinstance(found, list) or set(map(type, found)) - {int}:
        raise refused("wrong_shape", "shape must be a list of integers", column=spelled(name))
    if min(found, default=0) < 0:
        raise refused("wrong_shape", "shape must have no negative length", column=spelled(name))
    if len(found) not in (1, 2):
        raise refused("wrong_shape", "shape must be [rows] or [rows, columns]", column=spelled(name))
    return tuple(found)


def _output(found: Any, where: str, *, binary: bool) -> Wanted:
    fields = _object(found, where, _OUTPUT, required=("name",))
    name = fields["name"]
    if not isinstance(name, str):
        raise refused("wrong_shape", f"{where}: name must be a text")
    return Wanted(name, _flag(_parameters(fields, where), "binary_data", default=binary))


def _parameters(fields: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    found = fields.get("parameters")
    if found is None:
        return _NONE
    if not isinstance(found, dict) or isinstance(found, Repeating):
        raise refused("wrong_shape", f"{where}: parameters must be an object, each key once")
    for name in UNSUPPORTED:
        if name in found:
            raise refused("not_supported", f"{where}: the parameter {name} is of an extension that is not offered here")
    return found


def _flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    found = parameters.get(name, default)
    if not isinstance(found, bool):
        raise refused("wrong_shape", f"the parameter {name} must be true or false")
    return found


def _object(found: Any, where: str, known: frozenset[str], *, required: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise refused("wrong_shape", f"{where} must be an object")
    if isinstance(found, Repeating):
        raise refused("duplicate_key", f"{where} must have each key once")
    for name in required:
        if name not in found:
            raise refused("wrong_shape", f"{where} must have {name}")
    if not found.keys() <= known:
        raise refused("wrong_shape", f"{where} must have no other keys than {', '.join(sorted(known))}")
    return found


def _list(found: Any, where: str) -> list[Any]:
    if not isinstance(found, list):
        raise refused("wrong_shape", f"{where} must be a list")
    return found


def _text(found: Any, where: str) -> str | None:
    if found is not None and not (isinstance(found, str) and _encodes(found)):
        raise refused("wrong_shape", f"{where} must be a text")
    return found


def _encodes(text: str) -> bool:
    """Whether a text can stand in an answer, which is UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
