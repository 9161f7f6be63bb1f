"""Estimators that are not made of trees: skl2onnx's converters in double, and our own where those are not exact."""

import warnings
from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.graph import ML, Graph

_FEATURES = "features"


def scores(graph: Graph, source: str, model: Any) -> str:
    """Add a fitted estimator; its probabilities of shape [n, classes], or its numbers of shape [n, 1].

    Raises:
        NotImplementedError: it is known to convert wrongly.
    """
    _refuse(model)
    source = graph.cast(source, np.float64)
    own = {"LinearDiscriminantAnalysis": _discriminant, "SVR": _support_vectors, "NuSVR": _support_vectors}
    if add := own.get(type(model).__name__):
        return add(graph, source, model)
    graph.opsets[ML] = 3
    return _merge(graph, _converted(graph, model), source)


def _discriminant(graph: Graph, source: str, model: Any) -> str:
    """skl2onnx's own is wrong for two classes."""
    product = graph.node("MatMul", source, graph.constant(model.coef_.T.astype(np.float64)))
    raw = graph.node("Add", product, graph.constant(model.intercept_.reshape(1, -1).astype(np.float64)))
    return graph.beside_the_first(graph.node("Sigmoid", raw)) if len(model.classes_) == 2 else graph.softmax(raw)


def _support_vectors(graph: Graph, source: str, model: Any) -> str:
    """ONNX Runtime has no support vector regression in double, and float32 loses the digits of a large target."""
    vectors, weights = _dense(model.support_vectors_), _dense(model.dual_coef_)
    gamma, products = model._gamma, graph.node("MatMul", source, graph.constant(vectors.T))  # noqa: SLF001 - as fitted
    if model.kernel == "rbf":
        squares = graph.node("ReduceSum", graph.node("Mul", source, source), graph.constant(np.array([1])), keepdims=1)
        sums = graph.node("Add", squares, graph.constant((vectors**2).sum(axis=1, keepdims=True).T))
        distances = graph.node("Sub", sums, graph.node("Mul", products, graph.constant(np.array(2.0))))
        kernel = graph.node("Exp", graph.node("Mul", distances, graph.constant(np.array(-gamma))))
    elif model.kernel == "linear":
        kernel = products
    elif model.kernel in ("poly", "sigmoid"):
        scaled = graph.node("Mul", products, graph.constant(np.array(float(gamma))))
        raw = graph.node("Add", scaled, graph.constant(np.array(float(model.coef0))))
        power = graph.constant(np.array(float(model.degree)))
        kernel = graph.node("Tanh", raw) if model.kernel == "sigmoid" else graph.node("Pow", raw, power)
    else:
        raise NotImplementedError(f"the kernel {model.kernel!r}")
    return graph.node("Add", graph.node("MatMul", kernel, graph.constant(weights.T)), graph.constant(model.intercept_))


def _dense(values: Any) -> Array:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def _converted(graph: Graph, model: Any) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType
    from sklearn.base import is_classifier

    inputs = [(_FEATURES, DoubleTensorType([None, int(model.n_features_in_)]))]
    options: dict[str, Any] = {"zipmap": False} if is_classifier(model) else {}
    with warnings.catch_warnings():
        # They are for whoever writes converters; whether the twin is right is measured later.
        warnings.simplefilter("ignore")
        return to_onnx(model, initial_types=inputs, options={id(model): options}, target_opset=dict(graph.opsets))


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


def _refuse(model: Any) -> None:
    if getattr(model, "method", None) == "isotonic":
        raise NotImplementedError("isotonic calibration converts inexactly")
    if hasattr(model, "n_samples_fit_"):
        raise NotImplementedError("of neighbours at the same distance each engine takes others")
