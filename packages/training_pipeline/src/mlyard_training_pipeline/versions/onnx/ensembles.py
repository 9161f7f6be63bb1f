"""Estimators that are made of trees: their trees, and what becomes of the leaves' sums."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx import trees
from mlyard_training_pipeline.versions.onnx.boosters import forest, lightgbm, xgboost
from mlyard_training_pipeline.versions.onnx.boosters.forest import Forest
from mlyard_training_pipeline.versions.onnx.graph import Graph
from mlyard_training_pipeline.versions.onnx.trees import Tree


def has(model: Any) -> bool:
    """Whether an estimator is one of these."""
    return any(type(model).__name__ in known for known in _KINDS) or _booster(model) is not None


def scores(graph: Graph, source: str, model: Any) -> str:
    """Add a fitted ensemble; its probabilities of shape [n, classes], or its numbers of shape [n, 1], in double.

    Raises:
        NotImplementedError: a form of it has no twin.
    """
    if (booster := _booster(model)) is not None:
        return forest.add(graph, source, booster(model))
    name = type(model).__name__
    add = next(add for known, add in _KINDS.items() if name in known)
    if not name.startswith("HistGradientBoosting"):
        source = graph.cast(source, np.float32)  # as these estimators do themselves
    return add(graph, graph.cast(source, np.float64), model)


def has_raw(model: Any) -> bool:
    """Whether a classifier decides by the sums of its leaves."""
    ours = type(model).__name__ in ("GradientBoostingClassifier", "HistGradientBoostingClassifier")
    return ours or (_booster(model) is not None and hasattr(model, "decision_function"))


def raw(graph: Graph, source: str, model: Any) -> str:
    """Add what such a classifier decides by, of shape [n, 1] for two classes, else [n, classes]."""
    if (booster := _booster(model)) is not None:
        return forest.add(graph, source, booster(model)._replace(link="identity"))
    if type(model).__name__.startswith("Hist"):
        return _histogram_sums(graph, graph.cast(source, np.float64), model)
    return _gradient_sums(graph, graph.cast(graph.cast(source, np.float32), np.float64), model)


def size(model: Any) -> tuple[int, int]:
    """How many trees an estimator has, and how many nodes they have."""
    if (booster := _booster(model)) is not None:
        sizes = [len(tree.left) for tree in booster(model).trees]
        return len(sizes), sum(sizes)
    trees = [len(nodes) for nodes in _histograms(model)] + [int(tree.tree_.node_count) for tree in _members(model)]
    return len(trees), sum(trees)


def thresholds(model: Any) -> tuple[Array, Array]:
    """Every split of a number in an estimator's trees: the column of its matrix, and the threshold."""
    if (booster := _booster(model)) is not None:
        return forest.thresholds(booster(model))
    members = _members(model)
    chosen = getattr(model, "estimators_features_", [None] * len(members)) if members else []
    features = [np.zeros(0, dtype=np.int64)]
    found = [np.zeros(0)]
    columns = _columns(model)
    for nodes in _histograms(model):
        split = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        features.append(columns[split["feature_idx"]])
        found.append(split["num_threshold"])
    for member, own in zip(members, chosen, strict=True):
        inner = member.tree_.children_left >= 0
        feature = member.tree_.feature[inner]
        features.append(feature if own is None else np.asarray(own)[feature])
        found.append(member.tree_.threshold[inner])
    return np.concatenate(features), np.concatenate(found)


def _histograms(model: Any) -> list[Array]:
    return [tree.nodes for row in getattr(model, "_predictors", []) for tree in row]


def _members(model: Any) -> list[Any]:
    """The trees of an estimator but for HistGradientBoosting, whose are of another kind."""
    rows = [model] if hasattr(model, "tree_") else getattr(model, "estimators_", [])
    members = [member for row in rows for member in (row if isinstance(row, np.ndarray) else [row])]
    return [member for member in members if hasattr(member, "tree_")]


def _mean_of_trees(graph: Graph, source: str, model: Any) -> str:
    """Trees and forests: the mean of the leaves' shares of the classes, or of their numbers."""
    members = getattr(model, "estimators_", None)
    members = [model] if members is None else members
    features = getattr(model, "estimators_features_", [None] * len(members))
    classes = getattr(model, "classes_", None)
    made = [
        _plain(member, _shares(member, classes), feature) for member, feature in zip(members, features, strict=True)
    ]
    targets = made[0].values.shape[1]
    mean = graph.node("Div", trees.add(graph, source, made, targets=targets), graph.number(len(members)))
    return graph.beside_the_first(mean) if classes is not None and targets == 1 else mean


def _shares(member: Any, classes: Array | None) -> Array:
    """What each node says: a number, the share of the second of two classes, or the shares of all."""
    values = _values(member)
    if classes is None:
        return np.asarray(values[:, :1])
    known = np.zeros((len(values), len(classes)))
    # In a bagging a tree may have seen some of the classes only, and calls them by their index.
    known[:, np.arange(len(classes)) if len(member.classes_) == len(classes) else member.classes_] = values
    return known[:, 1:] if len(classes) == 2 else known


def _values(member: Any) -> Array:
    if type(member).__name__ not in _TREES:
        raise NotImplementedError(f"an ensemble of {type(member).__name__}, which is not a tree")
    return np.asarray(member.tree_.value[:, 0, :])


def _boosted_stumps(graph: Graph, source: str, model: Any) -> str:
    """AdaBoost: each tree votes for a class with its weight. Source: Zhu et al., Multi-class AdaBoost (2009)."""
    count = len(model.classes_)
    made = []
    for member, weight in zip(model.estimators_, model.estimator_weights_, strict=True):
        said = np.argmax(_values(member), axis=1)
        votes = np.where(said[:, None] == np.arange(count), weight, -weight / (count - 1))
        # Of two classes the votes are each other's opposites.
        made.append(_plain(member, votes[:, 1:] if count == 2 else votes))
    total = float(model.estimator_weights_.sum())
    votes = trees.add(graph, source, made, targets=made[0].values.shape[1])
    if count == 2:
        return graph.beside_the_first(graph.node("Sigmoid", _times(graph, votes, 2 / total)))
    return graph.softmax(_times(graph, votes, 1 / total / (count - 1)))


def _gradient_boosting(graph: Graph, source: str, model: Any) -> str:
    return _linked(graph, _gradient_sums(graph, source, model), model)


def _gradient_sums(graph: Graph, source: str, model: Any) -> str:
    if hasattr(model.init, "predict"):
        raise NotImplementedError(f"boosting that begins with a {type(model.init).__name__}")
    made = [
        _plain(tree, model.learning_rate * _values(tree))._replace(target=target)
        for row in model.estimators_
        for target, tree in enumerate(row)
    ]
    # Without an `init` of the user's own every row begins with the same numbers.
    first = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))  # noqa: SLF001
    return _beginning(graph, trees.add(graph, source, made, targets=model.estimators_.shape[1]), first)


def _booster(model: Any) -> Callable[[Any], Forest] | None:
    """What reads a booster, where an estimator is one."""
    package = type(model).__module__.partition(".")[0]
    return {"lightgbm": lightgbm.read, "xgboost": xgboost.read}.get(package)


def _histogram_boosting(graph: Graph, source: str, model: Any) -> str:
    return _linked(graph, _histogram_sums(graph, source, model), model)


def _histogram_sums(graph: Graph, source: str, model: Any) -> str:
    columns, known = _columns(model), _known(model)
    made = [
        _histogram(tree, columns, known)._replace(target=target)
        for row in model._predictors  # noqa: SLF001 - there is no public access to the trees
        for target, tree in enumerate(row)
    ]
    sums = trees.add(graph, source, made, targets=len(model._predictors[0]))  # noqa: SLF001
    return _beginning(graph, sums, model._baseline_prediction)  # noqa: SLF001


def _beginning(graph: Graph, sums: str, first: Array) -> str:
    return graph.node("Add", sums, graph.constant(np.asarray(first, dtype=np.float64).reshape(1, -1)))


def _linked(graph: Graph, raw: str, model: Any) -> str:
    """The link that the loss has between the sums of the leaves and the answers."""
    loss = model._loss  # noqa: SLF001 - there is no public access to the loss
    link = type(loss.link).__name__
    if link == "MultinomialLogit":
        return graph.softmax(raw)
    if link in ("LogitLink", "HalfLogitLink"):
        raw = _times(graph, raw, 2.0) if link == "HalfLogitLink" else raw
        return graph.beside_the_first(graph.node("Sigmoid", raw))
    if link == "LogLink":
        return graph.node("Exp", raw)
    if link == "IdentityLink":
        return raw
    raise NotImplementedError(f"the link {link}")


def _plain(member: Any, values: Array, features: Array | None = None) -> Tree:
    tree = member.tree_
    feature = np.maximum(tree.feature, 0)
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=feature if features is None else np.asarray(features)[feature],
        threshold=tree.threshold,
        null_left=np.zeros(tree.node_count),  # the preprocessing leaves no null
        values=np.asarray(values, dtype=np.float64),
    )


def _columns(model: Any) -> Array:
    """Which column of its input each feature of a HistGradientBoosting is: it puts its categories first."""
    categorical = getattr(model, "is_categorical_", None)
    if categorical is None:
        return np.arange(getattr(model, "n_features_in_", 0))
    return np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])


def _known(model: Any) -> list[Array]:
    """The categories of each category that a HistGradientBoosting was fitted on, by the numbers that it gives them."""
    if getattr(model, "is_categorical_", None) is None:
        return []
    known = model._preprocessor.named_transformers_["encoder"].categories_  # noqa: SLF001 - there is no public access
    return [np.asarray(numbers, dtype=np.float64)[~np.isnan(numbers)] for numbers in known]


def _histogram(tree: Any, columns: Array, known: list[Array]) -> Tree:
    nodes = tree.nodes
    leaf, null_left = nodes["is_leaf"] != 0, nodes["missing_go_to_left"] != 0
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    members: dict[int, Array] = {}
    swapped = np.zeros(len(nodes), dtype=bool)
    for node in np.flatnonzero((nodes["is_categorical"] != 0) & ~leaf).tolist():
        own = known[nodes["feature_idx"][node]]
        bits = np.unpackbits(tree.raw_left_cat_bitsets[nodes["bitset_idx"][node]].view(np.uint8), bitorder="little")
        goes_left = bits[: len(own)] != 0
        # Categories that it has not seen go where nulls go, so that the set has to be the other side's.
        swapped[node] = null_left[node]
        members[node] = own[~goes_left if null_left[node] else goes_left]
    return Tree(
        left=np.where(swapped, right, left),
        right=np.where(swapped, left, right),
        feature=columns[nodes["feature_idx"]],
        threshold=nodes["num_threshold"],
        null_left=null_left & ~swapped,
        values=nodes["value"].reshape(-1, 1),
        members=members,
    )


def _times(graph: Graph, source: str, factor: float) -> str:
    return graph.node("Mul", source, graph.number(factor))


_TREES = ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")
_FORESTS = ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor")
_KINDS: dict[tuple[str, ...], Callable[[Graph, str, Any], str]] = {
    (*_TREES, *_FORESTS, "BaggingClassifier", "BaggingRegressor"): _mean_of_trees,
    ("AdaBoostClassifier",): _boosted_stumps,
    ("GradientBoostingClassifier", "GradientBoostingRegressor"): _gradient_boosting,
    ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"): _histogram_boosting,
}
