"""Estimators of a user's own packages: what their packages' converters make, checked before it is taken over."""

from typing import Any

import numpy as np

from mlyard_training_pipeline.candidates import origins
from mlyard_training_pipeline.versions.onnx import library
from mlyard_training_pipeline.versions.onnx.graph import ML, Graph


def has(model: Any) -> bool:
    """Whether an estimator's package names a converter for it."""
    return origins.converter_of(model) is not None


def scores(graph: Graph, source: str, model: Any) -> str:
    """Add what the converter makes; probabilities of shape [n, classes], or numbers of shape [n, 1], in double.

    Raises:
        NotImplementedError: the converter does not do it, or makes something else than an ONNX model of one input.
    """
    entry = origins.converter_of(model)
    assert entry is not None  # noqa: S101 - asked of models that have one
    # A converter raises whatever it likes; each means that there is no twin.
    try:
        made = _checked(entry.load()(model, int(model.n_features_in_), {"": graph.opsets[""], ML: graph.opsets[ML]}))
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotImplementedError(f"its converter {entry.value} failed: {first}") from error
    other = [used for used in made.opset_import if graph.opsets.get(used.domain) != used.version]
    if other:
        raise NotImplementedError(f"its converter {entry.value} used version {other[0].version} of {other[0].domain!r}")
    return graph.cast(library.merge(graph, made, graph.cast(source, np.float64)), np.float64)


def _checked(made: Any) -> Any:
    from onnx import ModelProto, checker

    if not isinstance(made, ModelProto):
        raise TypeError(f"it made a {type(made).__name__} and no ONNX model")
    checker.check_model(made)
    if len(made.graph.input) != 1:
        raise ValueError(f"its model has {len(made.graph.input)} inputs in place of one")
    return made
