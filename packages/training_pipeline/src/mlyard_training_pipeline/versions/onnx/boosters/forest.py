"""A booster's model: its trees, how their leaves are summed, and the link from sums to answers."""

from typing import Literal, NamedTuple

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx import trees
from mlyard_training_pipeline.versions.onnx.graph import Graph
from mlyard_training_pipeline.versions.onnx.trees import Tree

Link = Literal["identity", "sigmoid", "share", "softmax", "exp", "signed_square"]

ZERO = 1.0000000180025095e-35
"""What LightGBM takes for zero: 1e-35 as a float32 has it."""


class Forest(NamedTuple):
    """Trees over a matrix whose numbers are of `kind`, as the sums of their leaves are.

    `divisor` is for means in place of sums, `slope` for a sigmoid. A sigmoid is the probability of the second of two
    classes, a share the same of a regression. `near_zero` has for each column what numbers near 0 count as: 0 or NaN.
    """

    trees: list[Tree]
    targets: int
    link: Link
    kind: type[np.floating] = np.float64
    slope: float = 1.0
    divisor: int = 1
    near_zero: Array | None = None


def add(graph: Graph, source: str, forest: Forest) -> str:
    """Add a forest; its probabilities of shape [n, classes], or its numbers of shape [n, 1], in double."""
    source = graph.cast(source, forest.kind)
    if forest.near_zero is not None:
        near = graph.node("LessOrEqual", graph.node("Abs", source), graph.number(ZERO))
        source = graph.node("Where", near, graph.constant(forest.near_zero.reshape(1, -1)), source)
    sums = trees.add(graph, source, forest.trees, targets=forest.targets, kind=forest.kind)
    raw = graph.cast(sums, np.float64)
    if forest.divisor != 1:
        raw = graph.node("Div", raw, graph.number(forest.divisor))
    match forest.link:
        case "sigmoid" | "share":
            share = graph.node("Sigmoid", graph.node("Mul", raw, graph.number(forest.slope)))
            return graph.beside_the_first(share) if forest.link == "sigmoid" else share
        case "softmax":
            return graph.softmax(raw)
        case "exp":
            return graph.node("Exp", raw)
        case "signed_square":
            return graph.node("Mul", raw, graph.node("Abs", raw))
        case _:
            return raw


def thresholds(forest: Forest) -> tuple[Array, Array]:
    """Every split of a number: the column of the booster's matrix, and the threshold."""
    features, found = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for tree in forest.trees:
        inner = np.setdiff1d(np.flatnonzero(tree.left >= 0), list(tree.members))
        features.append(tree.feature[inner])
        found.append(tree.threshold[inner].astype(np.float64))
    return np.concatenate(features), np.concatenate(found)


def leaf(value: float, target: int = 0) -> Tree:
    """A tree that says the same of every row."""
    one = np.zeros(1, dtype=np.int64)
    return Tree(one - 1, one - 1, one, np.zeros(1), np.zeros(1), np.array([[value]]), target)
