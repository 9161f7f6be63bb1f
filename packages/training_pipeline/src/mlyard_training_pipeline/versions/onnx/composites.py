"""scikit-learn's estimators that are made of others: their answers put together as scikit-learn does it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx import ensembles, linear
from mlyard_training_pipeline.versions.onnx.graph import Graph

Scores = Callable[[Graph, str, Any], str]
"""Adds an estimator: its probabilities of shape [n, classes], or its numbers of shape [n, 1], in double."""


def has(model: Any) -> bool:
    """Whether an estimator is one of these, in a form that is put together here."""
    name = type(model).__name__
    if name == "CalibratedClassifierCV":
        known = (hasattr(one.estimator, "decision_function") for one in model.calibrated_classifiers_)
        return all(not raw or _has_raw(one) for raw, one in zip(known, members(model), strict=True))
    if name.startswith("Bagging"):
        return not any(hasattr(member, "tree_") for member in model.estimators_)
    return name in _KINDS


def members(model: Any) -> list[Any]:
    """The fitted estimators that one is made of and that see the same columns."""
    name = type(model).__name__
    if name == "CalibratedClassifierCV":
        return [one.estimator for one in model.calibrated_classifiers_]
    if name == "TransformedTargetRegressor":
        return [model.regressor_]
    if name.startswith(("Stacking", "Voting")):
        return [member for member in model.estimators_ if member != "drop"]
    return []


def parts(model: Any) -> list[Any]:
    """Every fitted estimator that one is made of."""
    final = [model.final_estimator_] if hasattr(model, "final_estimator_") else []
    bagged = model.estimators_ if type(model).__name__.startswith("Bagging") and has(model) else []
    return [*members(model), *final, *bagged]


def all_parts(model: Any) -> list[Any]:
    """Every fitted estimator within one, also where it is of a kind that is not put together here."""
    rows = getattr(model, "estimators_", None)
    found = [one for row in (() if rows is None else rows) for one in (row if isinstance(row, np.ndarray) else [row])]
    single = [getattr(model, name) for name in ("estimator_", "base_estimator_", "init_") if hasattr(model, name)]
    distinct = {id(part): part for part in [*parts(model), *found, *single] if hasattr(part, "predict")}
    return list(distinct.values())


def size(model: Any) -> tuple[int, int]:
    """How many trees an estimator has, those that it is made of included, and how many nodes they have."""
    found = [ensembles.size(model), *(size(part) for part in parts(model))]
    return sum(trees for trees, _ in found), sum(nodes for _, nodes in found)


def thresholds(model: Any) -> tuple[Array, Array]:
    """Every split of a number, also of what an estimator is made of: the column of its matrix, and the threshold."""
    found = [ensembles.thresholds(model), *(thresholds(member) for member in members(model))]
    return np.concatenate([features for features, _ in found]), np.concatenate([values for _, values in found])


def scores(graph: Graph, source: str, model: Any, inner: Scores) -> str:
    """Add a fitted estimator; its probabilities of shape [n, classes], or its numbers of shape [n, 1].

    Raises:
        NotImplementedError: a form of it has no twin.
    """
    return _KINDS[type(model).__name__](graph, graph.cast(source, np.float64), model, inner)


def _stacked(graph: Graph, source: str, model: Any, inner: Scores) -> str:
    columns = []
    for member, method in zip(model.estimators_, model.stack_method_, strict=True):
        if method == "decision_function":
            columns.append(_raw(graph, source, member))
        elif method == "predict_proba" and len(model.classes_) == 2:
            columns.append(_second(graph, inner(graph, source, member)))
        elif method == "predict_proba" or not hasattr(model, "classes_"):
            columns.append(inner(graph, source, member))
        else:
            raise NotImplementedError(f"a stack over the labels of {type(member).__name__}")
    # scikit-learn puts the columns of the table last.
    joined = graph.node("Concat", *columns, *([source] if model.passthrough else []), axis=1)
    return inner(graph, joined, model.final_estimator_)


def _voted(graph: Graph, source: str, model: Any, inner: Scores) -> str:
    return _mean(graph, [inner(graph, source, member) for member in members(model)], model._weights_not_none)  # noqa: SLF001


def _bagged(graph: Graph, source: str, model: Any, inner: Scores) -> str:
    made = []
    for member, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        if hasattr(model, "classes_") and not hasattr(member, "predict_proba"):
            raise NotImplementedError(f"votes of {type(member).__name__}, which gives no probabilities")
        if hasattr(model, "classes_") and len(member.classes_) != len(model.classes_):
            raise NotImplementedError(f"a {type(member).__name__} that has seen some of the classes only")
        own = graph.node("Gather", source, graph.constant(np.asarray(columns, dtype=np.int64)), axis=1)
        made.append(inner(graph, own, member))
    return _mean(graph, made, None)


def _mean(graph: Graph, made: Sequence[str], weights: Sequence[float] | None) -> str:
    shares = np.ones(len(made)) if weights is None else np.asarray(weights, dtype=np.float64)
    weighed = [graph.node("Mul", one, graph.number(share)) for one, share in zip(made, shares.tolist(), strict=True)]
    return graph.node("Div", graph.node("Sum", *weighed), graph.number(float(shares.sum())))


def _calibrated(graph: Graph, source: str, model: Any, inner: Scores) -> str:
    made = [_one_calibrated(graph, source, one, inner) for one in model.calibrated_classifiers_]
    return _mean(graph, made, None)


def _one_calibrated(graph: Graph, source: str, one: Any, inner: Scores) -> str:
    raw = hasattr(one.estimator, "decision_function")
    said = _raw(graph, source, one.estimator) if raw else inner(graph, source, one.estimator)
    if one.method == "temperature":
        return _with_temperature(graph, said, one, raw=raw)
    if one.method != "sigmoid":
        raise NotImplementedError(f"{one.method} calibration converts inexactly")
    if not raw and len(one.classes) == 2:
        said = _second(graph, said)
    slopes = np.array([[calibrator.a_ for calibrator in one.calibrators]], dtype=np.float64)
    starts = np.array([[calibrator.b_ for calibrator in one.calibrators]], dtype=np.float64)
    line = graph.node("Add", graph.node("Mul", said, graph.constant(slopes)), graph.constant(starts))
    shares = graph.node("Sigmoid", graph.node("Neg", line))
    if len(one.classes) == 2:
        return graph.beside_the_first(shares)
    if len(one.estimator.classes_) != len(one.classes):
        raise NotImplementedError("a calibration over some of the classes only")
    total = graph.node("ReduceSum", shares, graph.constant(np.array([1])), keepdims=1)
    even = graph.number(1 / len(one.classes))
    return graph.node("Where", graph.node("Equal", total, graph.number(0)), even, graph.node("Div", shares, total))


def _with_temperature(graph: Graph, said: str, one: Any, *, raw: bool) -> str:
    """Source: `_convert_to_logits` of scikit-learn's calibration."""
    if not raw:
        raise NotImplementedError("temperatures over probabilities, which scikit-learn takes for logits near 0 or 1")
    if len(one.classes) == 2:
        said = graph.node("Concat", graph.node("Neg", said), said, axis=1)
    return graph.softmax(graph.node("Mul", said, graph.number(float(one.calibrators[0].beta_))))


def _transformed(graph: Graph, source: str, model: Any, inner: Scores) -> str:
    """The inverse of the function of the target."""
    raw = inner(graph, source, model.regressor_)
    function = model.inverse_func
    if function is np.exp:
        return graph.node("Exp", raw)
    if function is np.expm1:
        return graph.node("Sub", graph.node("Exp", raw), graph.number(1))
    if function is np.square:
        return graph.node("Mul", raw, raw)
    power = model.transformer_
    if type(power).__name__ != "PowerTransformer" or power.standardize:
        raise NotImplementedError("a function of the target that is not one of ours")
    exponent = float(power.lambdas_[0])
    if power.method == "box-cox":
        return _box_cox(graph, raw, exponent)
    # Source: Yeo and Johnson, A New Family of Power Transformations (2000): the mirrored transform below 0.
    above = graph.node("Sub", _box_cox(graph, graph.node("Max", raw, graph.number(0)), exponent), graph.number(1))
    mirrored = graph.node("Max", graph.node("Neg", raw), graph.number(0))
    below = graph.node("Sub", graph.number(1), _box_cox(graph, mirrored, 2 - exponent))
    return graph.node("Where", graph.node("GreaterOrEqual", raw, graph.number(0)), above, below)


def _box_cox(graph: Graph, raw: str, exponent: float) -> str:
    """The inverse of Box and Cox's transform."""
    if abs(exponent) < np.spacing(1.0):
        return graph.node("Exp", raw)
    grown = graph.node("Add", graph.node("Mul", raw, graph.number(exponent)), graph.number(1))
    return graph.node("Pow", grown, graph.number(1 / exponent))


def _has_raw(model: Any) -> bool:
    return linear.has_raw(model) or ensembles.has_raw(model)


def _raw(graph: Graph, source: str, model: Any) -> str:
    """What a classifier decides by: of shape [n, 1] for two classes, else [n, classes]."""
    if linear.has_raw(model):
        return linear.raw(graph, source, model)
    if ensembles.has_raw(model):
        return ensembles.raw(graph, source, model)
    raise NotImplementedError(f"what {type(model).__name__} decides by")


def _second(graph: Graph, probabilities: str) -> str:
    return graph.node("Gather", probabilities, graph.constant(np.array([1], dtype=np.int64)), axis=1)


_KINDS: dict[str, Callable[[Graph, str, Any, Scores], str]] = {
    **dict.fromkeys(("StackingClassifier", "StackingRegressor"), _stacked),
    **dict.fromkeys(("VotingClassifier", "VotingRegressor"), _voted),
    **dict.fromkeys(("BaggingClassifier", "BaggingRegressor"), _bagged),
    "CalibratedClassifierCV": _calibrated,
    "TransformedTargetRegressor": _transformed,
}
