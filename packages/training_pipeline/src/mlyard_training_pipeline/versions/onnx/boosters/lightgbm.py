"""LightGBM's trees, from the text that it writes of a model, in which every number has all of its digits.

Source of the decisions: LightGBM's `include/LightGBM/tree.h` (`NumericalDecision`, `CategoricalDecision`) and
`src/c_api.cpp` (`RowPairFunctionFromDenseMatric`, where numbers near 0 become 0).
"""

from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.boosters.forest import ZERO, Forest, Link, leaf
from mlyard_training_pipeline.versions.onnx.trees import Tree

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_NULL_IS_ZERO, _ZERO_IS_NULL, _NULL_IS_NULL = 0, 1, 2
"""What bits 2 and 3 of a decision's type say of nulls."""

_LINKS: dict[str, Link] = {
    "binary": "sigmoid",
    "multiclass": "softmax",
    "cross_entropy": "share",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), "identity"),
}


def read(model: Any) -> Forest:
    """The forest of a fitted estimator.

    Raises:
        NotImplementedError: a form of it has no twin.
    """
    head, *parts = model.booster_.model_to_string().partition("\nend of trees")[0].split("\n\nTree=")
    facts = dict(line.partition("=")[::2] for line in head.splitlines())
    per_round = int(facts["num_tree_per_iteration"])
    name, *options = facts.get("objective", "none").split()
    if name not in _LINKS:
        raise NotImplementedError(f"LightGBM's objective {name}")
    link: Link = "signed_square" if "sqrt" in options else _LINKS[name]
    null = np.zeros(int(facts["max_feature_idx"]) + 1, dtype=bool)
    trees = [_tree(part, number % per_round, null) for number, part in enumerate(parts)]
    close = any(((tree.threshold >= -ZERO) & (tree.threshold < ZERO) & (tree.left >= 0)).any() for tree in trees)
    return Forest(
        trees=trees or [leaf(0.0, target) for target in range(per_round)],
        targets=per_round,
        link=link,
        slope=next((float(text.partition(":")[2]) for text in options if text.startswith("sigmoid:")), 1.0),
        divisor=max(len(trees) // per_round, 1) if "average_output" in facts else 1,
        near_zero=np.where(null, np.nan, 0.0) if close or null.any() else None,
    )


def _tree(text: str, target: int, zero_is_null: Array) -> Tree:
    facts = dict(line.partition("=")[::2] for line in text.splitlines())
    if facts.get("is_linear", "0") != "0":
        raise NotImplementedError("LightGBM's linear trees")

    def row(name: str, kind: type[np.generic]) -> Array:
        return np.array(facts.get(name, "").split(), dtype=kind)

    values = row("leaf_value", np.float64)
    if len(values) == 1:
        return leaf(float(values[0]), target)
    splits = len(values) - 1

    def child(name: str) -> Array:
        """The splits come first, then the leaves, which the text counts as -1, -2, ..."""
        numbers = row(name, np.int64)
        return np.where(numbers >= 0, numbers, splits - 1 - numbers)

    decisions, feature = row("decision_type", np.int64), row("split_feature", np.int64)
    threshold = row("threshold", np.float64)
    categorical, missing = (decisions & _CATEGORICAL) != 0, (decisions >> 2) & 3
    zero_is_null[feature[~categorical & (missing == _ZERO_IS_NULL)]] = True
    null_left = np.where(missing == _NULL_IS_ZERO, threshold >= 0, (decisions & _DEFAULT_LEFT) != 0)
    members = {}
    if categorical.any():
        bounds, words = row("cat_boundaries", np.int64), row("cat_threshold", np.uint32)
        for node in np.flatnonzero(categorical).tolist():
            which = int(threshold[node])
            members[node] = _set(words[bounds[which] : bounds[which + 1]])
    leaves = np.full(len(values), -1)
    return Tree(
        left=np.concatenate([child("left_child"), leaves]),
        right=np.concatenate([child("right_child"), leaves]),
        feature=np.concatenate([feature, np.zeros(len(values), dtype=np.int64)]),
        threshold=np.concatenate([threshold, np.zeros(len(values))]),
        # A null is in no set of categories.
        null_left=np.concatenate([null_left & ~categorical, np.zeros(len(values), dtype=bool)]),
        values=np.concatenate([np.zeros(splits), values]).reshape(-1, 1),
        target=target,
        members=members,
    )


def _set(words: Array) -> Array:
    """The numbers whose bits are set."""
    bits = np.unpackbits(words.view(np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.float64)
