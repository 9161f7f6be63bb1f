"""The tensors that a model gives by the Open Inference Protocol V2, and an answer with those that are wanted."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from mlyard_shared.manifest import Manifest
from pydantic_core import to_json

from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols.kept import kept
from mlyard_model_api.protocols.protocol import Answer
from mlyard_model_api.protocols.v2_requests import InferenceRequest, Wanted, refused, spelled
from mlyard_model_api.protocols.v2_tensors import LENGTH, NUMPY

IDS = "ids"
"""The output with the id of each row, which is given where it is asked for."""


class Output(NamedTuple):
    """One output, of the shape [rows], or [rows, width]; `of` returns None where the model gives none after all."""

    datatype: str
    width: int | None
    of: Callable[[Predictions], Any]


@kept
def offered(manifest: Manifest) -> dict[str, Output]:
    """All outputs of a model by name."""
    classes = manifest.classes
    outputs = {"prediction": Output(_datatype(classes), None, lambda predictions: predictions.values)}
    # Contract 1 does not say which of its classifiers have none.
    if classes and (manifest.decision is not None or manifest.contract == 1):
        outputs["probabilities"] = Output("FP64", len(classes), lambda predictions: predictions.probabilities)
    for quantile in manifest.conformal.quantiles if manifest.conformal is not None else ():
        level = quantile.level
        if classes:
            outputs[f"set_{level:g}"] = Output("BOOL", len(classes), partial(_of_level, "sets", level))
        else:
            outputs[f"interval_{level:g}"] = Output("FP64", 2, partial(_of_level, "intervals", level))
    outputs[IDS] = Output("BYTES", None, lambda predictions: list(predictions.ids))
    return outputs


def check(wanted: tuple[Wanted, ...], outputs: Mapping[str, Output]) -> None:
    """See whether the model offers what is wanted; raises `InputRefused`."""
    names = [one.name for one in wanted]
    unknown = next((name for name in names if name not in outputs), None)
    if unknown is not None:
        raise refused("unknown_output", "is not an output of this model", column=spelled(unknown))
    if len(names) != len(set(names)):
        raise refused("duplicate_output", "each output can be asked for once")


def encode(predictions: Predictions, request: InferenceRequest, outputs: Mapping[str, Output]) -> Answer:
    """Return the outputs that a request wants, in JSON or in bytes behind it; raises `InputRefused`."""
    wanted = request.outputs or tuple(Wanted(name, request.binary) for name in outputs if name != IDS)
    tensors: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for one in wanted:
        output = outputs[one.name]
        found = output.of(predictions)
        if found is None:
            if request.outputs:
                raise refused("unknown_output", "is not an output of this model", column=one.name)
            continue
        rows = len(predictions.values)
        shape = [rows] if output.width is None else [rows, output.width]
        tensor: dict[str, Any] = {"name": one.name, "datatype": output.datatype, "shape": shape}
        if one.binary:
            behind.append(_binary(found, output.datatype))
            tensor["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            tensor["data"] = _elements(found, output.datatype)
        tensors.append(tensor)
    version = predictions.version
    answer: dict[str, Any] = {"model_name": version.name, "model_version": str(version.version), "outputs": tensors}
    if request.identity is not None:
        answer["id"] = request.identity
    document = to_json(answer)
    if not behind:
        return Answer(document)
    headers = ((b"inference-header-content-length", b"%d" % len(document)),)
    return Answer(b"".join((document, *behind)), b"application/octet-stream", headers)


def _of_level(kind: Literal["sets", "intervals"], level: float, predictions: Predictions) -> Any:
    return getattr(predictions, kind).get(level)


def _elements(found: Any, datatype: str) -> list[Any]:
    elements: list[Any] = found if isinstance(found, list) else np.ravel(found).tolist()
    if datatype != "BYTES" or set(map(type, elements)) == {str}:
        return elements
    return [value if isinstance(value, str) else json.dumps(value) for value in elements]


def _binary(found: Any, datatype: str) -> bytes:
    if datatype != "BYTES":
        return np.asarray(found, dtype=NUMPY[datatype]).tobytes()
    texts = _elements(found, datatype)
    # Most are classes, of which there are few.
    encoded = {text: text.encode() for text in set(texts)}
    packed = {text: LENGTH.pack(len(content)) + content for text, content in encoded.items()}
    return b"".join(map(packed.__getitem__, texts))


def _datatype(classes: tuple[bool | int | str, ...]) -> str:
    kinds = {type(value) for value in classes}
    if not classes:
        return "FP64"
    return {bool: "BOOL", int: "INT64"}.get(kinds.pop(), "BYTES") if len(kinds) == 1 else "BYTES"
