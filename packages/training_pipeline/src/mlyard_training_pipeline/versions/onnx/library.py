"""Every other estimator: skl2onnx's converters, in double."""

import warnings
from typing import Any

import numpy as np

from mlyard_training_pipeline.versions.onnx.graph import ML, Graph

_FEATURES = "features"


def check(model: Any) -> None:
    """Raise NotImplementedError for an estimator that is known to convert wrongly."""
    if getattr(model, "method", None) == "isotonic":
        raise NotImplementedError("isotonic calibration converts inexactly")
    if hasattr(model, "n_samples_fit_"):
        raise NotImplementedError("of neighbours at the same distance each engine takes others")


def scores(graph: Graph, source: str, model: Any) -> str:
    """Add a fitted estimator; its probabilities of shape [n, classes], or its numbers of shape [n, 1].

    Raises:
        NotImplementedError: it is known to convert wrongly.
    """
    check(model)
    graph.opsets[ML] = 3
    return _merge(graph, _converted(graph, model), graph.cast(source, np.float64))


def _converted(graph: Graph, model: Any) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType
    from sklearn.base import is_classifier

    inputs = [(_FEATURES, DoubleTensorType([None, int(model.n_features_in_)]))]
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    with warnings.catch_warnings():
        # They are for whoever writes converters; whether the twin is right is measured later.
        warnings.simplefilter("ignore")
        return to_onnx(model, initial_types=inputs, options=options, target_opset=dict(graph.opsets))


def _merge(graph: Graph, made: Any, source: str) -> str:
    """Take over the nodes of a model under names of their own, and return the last output."""

    def renamed(name: str) -> str:
        return source if name == _FEATURES else name and f"model_{name}"

    for constant in made.graph.initializer:
        constant.name = renamed(constant.name)
        graph.constants.append(constant)
    for node in made.graph.node:
        for names in (node.input, node.output):
            names[:] = [renamed(name) for name in names]
        node.name = renamed(node.name)
        graph.nodes.append(node)
    graph.opsets |= {used.domain: used.version for used in made.opset_import}
    return renamed(made.graph.output[-1].name)
