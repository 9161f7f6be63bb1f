"""The answers of our own protocol in JSON."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from mlyard_shared.decision import Decision, distances

from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols.outputs import Outputs

_ENCODER = msgspec.json.Encoder()


def encode(predictions: Predictions, outputs: Outputs, rule: Decision | None) -> bytes:
    """Return the JSON of an answer: the model and its version, and for each row what is wanted.

    Raises:
        InputRefused: something is asked for that the answer does not have.
    """
    outputs.check_answer(predictions)
    version = predictions.version
    document: dict[str, Any] = {"model": version.name, "version": version.version}
    if outputs.decision and rule is not None:
        document["decision"] = rule.model_dump(exclude_none=True)
    columns = row_columns(predictions, outputs, rule)
    row = _row(tuple(columns))
    document["predictions"] = list(map(row, *columns.values()))
    return _ENCODER.encode(document)


def row_columns(predictions: Predictions, outputs: Outputs, rule: Decision | None) -> dict[str, Sequence[Any]]:
    """What is told of each row, by its name: a value for each row."""
    columns: dict[str, Sequence[Any]] = {"id": predictions.ids, "prediction": predictions.values}
    found = predictions.probabilities
    if outputs.probabilities:
        columns["probabilities"] = [None] * len(predictions.ids)
        if found is not None:
            by_class = _object(tuple(label(value) for value in predictions.classes))
            columns["probabilities"] = list(map(by_class, *found.T.tolist()))
    if outputs.decision and rule is not None and found is not None:
        columns["margin"] = distances(found, rule).tolist()
    if outputs.conformal and predictions.intervals:
        ends = {level: list(map(_interval, *both.T.tolist())) for level, both in predictions.intervals.items()}
        columns["intervals"] = _by_level(ends)
    if outputs.conformal and predictions.sets:
        classes = predictions.classes
        chosen = {
            level: [[value for value, is_in in zip(classes, row, strict=True) if is_in] for row in members.tolist()]
            for level, members in predictions.sets.items()
        }
        columns["sets"] = _by_level(chosen)
    return columns


def label(value: bool | int | str) -> str:
    """A class as a key of a JSON object: true and false as JSON spells them."""
    return value if isinstance(value, str) else json.dumps(value)


def _by_level(found: Mapping[float, Sequence[Any]]) -> list[Any]:
    levels = _object(tuple(str(level) for level in found))
    return list(map(levels, *found.values()))


@lru_cache(maxsize=32)
def _row(names: tuple[str, ...]) -> Any:
    return msgspec.defstruct("Prediction", [(name, Any) for name in names], gc=False)


@lru_cache(maxsize=256)
def _object(names: tuple[str, ...]) -> Any:
    """What makes an object of values by these names: a struct, which takes half of a dict's time, where it can be."""
    fields = [f"x{position}" for position in range(len(names))]
    try:
        return msgspec.defstruct(
            "Object", [(name, Any) for name in fields], rename=dict(zip(fields, names, strict=True)), gc=False
        )
    except ValueError:
        # msgspec takes no names that JSON would have to escape.
        return lambda *values: dict(zip(names, values, strict=True))


_interval = msgspec.defstruct("Interval", [("low", float), ("high", float)], gc=False)
