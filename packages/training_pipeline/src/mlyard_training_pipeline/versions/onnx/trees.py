"""Ensembles of trees as ONNX computes them: the same comparisons of the same numbers, so exact ones.

scikit-learn and LightGBM compare and sum in double, XGBoost in float32; each twin does as its model does.
Source: the operators TreeEnsemble (ai.onnx.ml 5) and TreeEnsembleRegressor (ai.onnx.ml 3).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.graph import ML, Graph, Integers

_LEQ, _MEMBER = 0, 6
"""How a node of TreeEnsemble compares: `x <= split`, or whether x is one of a set."""


class Tree(NamedTuple):
    """The nodes of a tree: `left` is -1 in a leaf, `null_left` says where NaN goes, `values` has shape [nodes, k].

    With one value a leaf adds it to `target`; with k of them it adds to each target its own. A node in `members` sends
    the numbers that it lists to the left and all others to the right, whatever its threshold.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    null_left: Array
    values: Array
    target: int = 0
    members: Mapping[int, Array] = MappingProxyType({})


def add(graph: Graph, source: str, trees: Sequence[Tree], *, targets: int, kind: type[np.floating] = np.float64) -> str:
    """Add the sums of the trees' leaves, of shape [n, targets] and of the kind of the source, in the trees' order."""
    if not all(tree.values.shape[1] == 1 for tree in trees) and graph.composed:
        trees = [part for tree in trees for part in _by_target(tree)]
    if all(tree.values.shape[1] == 1 for tree in trees):
        return graph.node("TreeEnsemble", source, domain=ML, **_single(trees, targets, kind))
    # Leaves of several values exist in the older operator alone; it computes in double too, and answers in float32.
    graph.opsets[ML] = 3
    return graph.cast(graph.node("TreeEnsembleRegressor", source, domain=ML, **_several(trees, targets)), np.float64)


def _by_target(tree: Tree) -> list[Tree]:
    """A tree whose leaves have several values as one tree for each: for a graph that has both kinds of ensembles."""
    return [tree._replace(values=tree.values[:, [target]], target=target) for target in range(tree.values.shape[1])]


def _single(trees: Sequence[Tree], targets: int, kind: type[np.floating]) -> dict[str, Any]:
    from onnx import numpy_helper

    parts: dict[str, list[Array]] = {}
    sets: list[Array] = []
    nodes = leaves = 0
    for tree in map(_with_a_split, trees):
        for name, array in _single_tree(tree, nodes, leaves).items():
            parts.setdefault(name, []).append(array)
        sets += [np.append(tree.members[node], np.nan) for node in sorted(tree.members)]
        inner = int((tree.left >= 0).sum())
        nodes, leaves = nodes + inner, leaves + len(tree.left) - inner
    tensors = {name: np.concatenate(parts.pop(name)).astype(kind) for name in ("nodes_splits", "leaf_weights")}
    tensors["nodes_modes"] = np.concatenate(parts.pop("nodes_modes"))
    if sets:
        tensors["membership_values"] = np.concatenate(sets).astype(kind)
    return {
        "n_targets": targets,
        "aggregate_function": 1,  # the sum
        **{name: numpy_helper.from_array(array, name) for name, array in tensors.items()},
        **{name: Integers(arrays) for name, arrays in parts.items()},
    }


def _single_tree(tree: Tree, nodes: int, leaves: int) -> dict[str, Array]:
    """A tree whose splits and leaves are counted apart, after those of the trees before it."""
    inner, leaf = np.flatnonzero(tree.left >= 0), np.flatnonzero(tree.left < 0)
    place = np.empty(len(tree.left), dtype=np.int64)
    place[inner] = np.arange(len(inner)) + nodes
    place[leaf] = np.arange(len(leaf)) + leaves
    left, right = tree.left[inner], tree.right[inner]
    return {
        "tree_roots": np.array([nodes]),
        "nodes_modes": np.where(np.isin(inner, list(tree.members)), _MEMBER, _LEQ).astype(np.uint8),
        "nodes_featureids": tree.feature[inner],
        "nodes_splits": tree.threshold[inner],
        "nodes_truenodeids": place[left],
        "nodes_falsenodeids": place[right],
        "nodes_trueleafs": tree.left[left] < 0,
        "nodes_falseleafs": tree.left[right] < 0,
        "nodes_missing_value_tracks_true": tree.null_left[inner],
        "leaf_targetids": np.full(len(leaf), tree.target),
        "leaf_weights": tree.values[leaf, 0],
    }


def _several(trees: Sequence[Tree], targets: int) -> dict[str, Any]:
    from onnx import numpy_helper

    sizes = [len(tree.left) for tree in trees]
    leaf = np.concatenate([tree.left for tree in trees]) < 0
    tree_ids = np.repeat(np.arange(len(trees)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    weights = np.concatenate([tree.values for tree in trees])
    rows, columns = np.nonzero(weights * leaf[:, None])

    def inner(name: str) -> Array:
        return np.where(leaf, 0, np.concatenate([getattr(tree, name) for tree in trees]))

    numbers = {
        "nodes_treeids": tree_ids,
        "nodes_nodeids": node_ids,
        "nodes_featureids": inner("feature"),
        "nodes_truenodeids": inner("left"),
        "nodes_falsenodeids": inner("right"),
        "nodes_missing_value_tracks_true": inner("null_left"),
        "target_treeids": tree_ids[rows],
        "target_nodeids": node_ids[rows],
        "target_ids": columns,
    }
    return {
        "n_targets": targets,
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values_as_tensor": numpy_helper.from_array(inner("threshold").astype(np.float64), "thresholds"),
        "target_weights_as_tensor": numpy_helper.from_array(weights[rows, columns].astype(np.float64), "weights"),
        **{name: Integers(np.array_split(array, len(trees))) for name, array in numbers.items()},
    }


def _with_a_split(tree: Tree) -> Tree:
    """A tree that is one leaf gets a split with that leaf on both sides, as the operator has no other form."""
    if len(tree.left) > 1:
        return tree
    return Tree(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.zeros(3),
        threshold=np.zeros(3),
        null_left=np.zeros(3),
        values=np.repeat(tree.values, 3, axis=0),
        target=tree.target,
    )
