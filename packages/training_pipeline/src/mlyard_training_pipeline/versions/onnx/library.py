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
    if not graph.composed:
        graph.opsets[ML] = 3
    made = _converted(graph, model)
    if graph.composed and any(node.op_type.startswith("TreeEnsemble") for node in made.graph.node):
        raise NotImplementedError(f"{type(model).__name__} needs another version of the operators than those beside it")
    return merge(graph, made, graph.cast(source, np.float64))


def _converted(graph: Graph, model: Any) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType
    from sklearn.base import is_classifier

    inputs = [(_FEATURES, DoubleTensorType([None, int(model.n_features_in_)]))]
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    with warnings.catch_warnings():
        # They are for whoever writes converters; whether the twin is right is measured later.
        warnings.simplefilter("ignore")
        return to_onnx(model, initial_types=inputs, options=options, target_opset={**graph.opsets, ML: 3})


def merge(graph: Graph, made: Any, source: str) -> str:
    """Take over the nodes of a model of one input under names of their own, and return the last output."""
    first, prefix = made.graph.input[0].name, f"model_{len(graph.nodes)}_"

    def renamed(name: str) -> str:
        return source if name == first else name and prefix + name

    for constant in made.graph.initializer:
        constant.name = renamed(constant.name)
        graph.constants.append(constant)
    for node in made.graph.node:
        for names in (node.input, node.output):
            names[:] = [renamed(name) for name in names]
        node.name = renamed(node.name)
        graph.nodes.append(node)
    used = {one.domain: one.version for one in made.opset_import}
    graph.opsets = {**graph.opsets, **used, ML: graph.opsets[ML]}
    return renamed(made.graph.output[-1].name)
