"""Estimators whose scores are sums of products, in double: linear models, networks, and support vector regression."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.graph import Graph


def scores(graph: Graph, source: str, model: Any) -> str:
    """Add a fitted model; its probabilities of shape [n, classes], or its numbers of shape [n, 1].

    Raises:
        NotImplementedError: a form of it has no twin.
    """
    add = _adding(model)
    if add is None:
        raise NotImplementedError(f"{type(model).__name__} is not a linear model")
    return add(graph, graph.cast(source, np.float64), model)


def has(model: Any) -> bool:
    """Whether an estimator is one of these."""
    return _adding(model) is not None


def has_raw(model: Any) -> bool:
    """Whether a classifier decides by sums of products alone."""
    is_linear = type(model).__module__.startswith(("sklearn.linear_model", "sklearn.svm", "sklearn.discriminant"))
    return is_linear and hasattr(model, "decision_function") and type(model).__name__ in _DECIDING


def raw(graph: Graph, source: str, model: Any) -> str:
    """Add what such a classifier decides by, of shape [n, 1] for two classes, else [n, classes]."""
    return _product(graph, graph.cast(source, np.float64), np.atleast_2d(_dense(model.coef_)), model.intercept_)


_DECIDING = (
    "LogisticRegression",
    "LogisticRegressionCV",
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
    "Perceptron",
    "PassiveAggressiveClassifier",
)


def _adding(model: Any) -> Callable[[Graph, str, Any], str] | None:
    name = type(model).__name__
    if name in ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"):
        return _classifier
    if name in ("SVR", "NuSVR"):
        return _support_vectors
    if name in ("MLPClassifier", "MLPRegressor"):
        return _network
    is_linear = type(model).__module__.startswith("sklearn.linear_model") or name == "LinearSVR"
    if not is_linear or hasattr(model, "classes_") or not hasattr(model, "coef_"):
        return None
    return _regressor if np.ndim(model.coef_) == 1 else None


def _classifier(graph: Graph, source: str, model: Any) -> str:
    raw = _product(graph, source, model.coef_, model.intercept_)
    # For two classes there is one row of coefficients, but for a multinomial model that was asked for.
    return graph.beside_the_first(graph.node("Sigmoid", raw)) if len(model.coef_) == 1 else graph.softmax(raw)


def _regressor(graph: Graph, source: str, model: Any) -> str:
    raw = _product(graph, source, np.atleast_2d(_dense(model.coef_)), model.intercept_)
    loss = getattr(model, "_base_loss", None)
    link = "IdentityLink" if loss is None else type(loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise NotImplementedError(f"the link {link}")
    return graph.node("Exp", raw) if link == "LogLink" else raw


def _network(graph: Graph, source: str, model: Any) -> str:
    functions = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "identity": None}
    last = len(model.coefs_) - 1
    for number, (weights, biases) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        source = _product(graph, source, weights.T, biases)
        if number < last and (function := functions[model.activation]):
            source = graph.node(function, source)
    match model.out_activation_:
        case "softmax":
            return graph.softmax(source)
        case "logistic" if hasattr(model, "classes_"):
            return graph.beside_the_first(graph.node("Sigmoid", source))
        case "identity":
            return source
        case "exp":
            return graph.node("Exp", source)
    raise NotImplementedError(f"a network that ends in {model.out_activation_!r}")


def _support_vectors(graph: Graph, source: str, model: Any) -> str:
    """ONNX Runtime has no support vector regression in double, and float32 loses the digits of a large target."""
    vectors, gamma = _dense(model.support_vectors_), float(model._gamma)  # noqa: SLF001 - what `fit` made of "scale"
    products = graph.node("MatMul", source, graph.constant(vectors.T))
    if model.kernel == "linear":
        kernel = products
    elif model.kernel == "rbf":
        squares = graph.node("ReduceSum", graph.node("Mul", source, source), graph.constant(np.array([1])), keepdims=1)
        both = graph.node("Add", squares, graph.constant((vectors**2).sum(axis=1).reshape(1, -1)))
        distances = graph.node("Sub", both, graph.node("Mul", products, graph.number(2)))
        kernel = graph.node("Exp", graph.node("Mul", distances, graph.number(-gamma)))
    elif model.kernel in ("poly", "sigmoid"):
        raw = graph.node("Add", graph.node("Mul", products, graph.number(gamma)), graph.number(model.coef0))
        kernel = (
            graph.node("Pow", raw, graph.number(model.degree)) if model.kernel == "poly" else graph.node("Tanh", raw)
        )
    else:
        raise NotImplementedError(f"the kernel {model.kernel!r}")
    return _product(graph, kernel, _dense(model.dual_coef_), model.intercept_)


def _product(graph: Graph, source: str, coefficients: Array, intercept: Any) -> str:
    """`source @ coefficients.T + intercept`."""
    product = graph.node("MatMul", source, graph.constant(np.asarray(coefficients, dtype=np.float64).T))
    return graph.node("Add", product, graph.constant(np.asarray(intercept, dtype=np.float64).reshape(1, -1)))


def _dense(values: Any) -> Array:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)
