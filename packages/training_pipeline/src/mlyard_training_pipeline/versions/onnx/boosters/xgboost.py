"""XGBoost's trees, from the JSON that it writes of a model, in which every number has all digits of a float32.

It compares and sums in float32, in the order of its trees and beginning with one number, and so does the twin: a sum
in double would differ by what float32 loses beside a large number. Source of the decisions: XGBoost's
`include/xgboost/tree_model.h` and `src/common/categorical.h`; of the first number: `src/objective`.
"""

import json
from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.boosters.forest import Forest, Link, leaf
from mlyard_training_pipeline.versions.onnx.trees import Tree

_CATEGORICAL = 1
_LINKS: dict[str, Link] = {
    "binary:logistic": "sigmoid",
    "reg:logistic": "share",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), "exp"),
    **dict.fromkeys(
        ("reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror"),
        "identity",
    ),
}


def read(model: Any) -> Forest:
    """The forest of a fitted estimator.

    Raises:
        NotImplementedError: a form of it has no twin.
    """
    learner = json.loads(model.get_booster().save_raw("json"))["learner"]
    booster, name = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] not in ("gbtree", "dart"):
        raise NotImplementedError(f"XGBoost's booster {booster['name']}")
    if name not in _LINKS:
        raise NotImplementedError(f"XGBoost's objective {name}")
    made = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    # Of trees that were dropped in training; from XGBoost 3.4 on they are a part of the trees' own model.
    weights = np.array(booster.get("weight_drop") or made.get("weight_drop", []), dtype=np.float32)
    targets = max(int(learner["learner_model_param"]["num_class"]), 1)
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise NotImplementedError("XGBoost's models of several targets")
    first = _margins(learner["learner_model_param"]["base_score"], _LINKS[name], targets)
    trees = [leaf(value, target) for target, value in enumerate(first.tolist())]
    for number, (tree, target) in enumerate(zip(made["trees"], made["tree_info"], strict=True)):
        trees.append(_tree(tree, target, weights[number] if len(weights) else np.float32(1)))
    return Forest(trees=trees, targets=targets, link=_LINKS[name], kind=np.float32)


def _margins(text: str, link: Link, targets: int) -> Array:
    """What the sums begin with; it is written as an answer, one or one for each target."""
    written = np.atleast_1d(np.array(json.loads(text), dtype=np.float32))
    one = np.float32(1)
    if link in ("sigmoid", "share"):
        written = -np.log(one / written - one)
    elif link == "exp":
        written = np.log(written)
    return np.broadcast_to(written, targets).astype(np.float32)


def _tree(tree: dict[str, Any], target: int, weight: Any) -> Tree:
    left, right = (np.array(tree[name], dtype=np.int64) for name in ("left_children", "right_children"))
    condition = np.array(tree["split_conditions"], dtype=np.float32)
    default_left = np.array(tree["default_left"], dtype=np.int64) != 0
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise NotImplementedError("XGBoost's leaves of several values")
    categorical = (np.array(tree["split_type"], dtype=np.int64) == _CATEGORICAL) & (left >= 0)
    categories = np.array(tree["categories"], dtype=np.float64)
    members = {
        node: categories[start : start + size]
        for node, start, size in zip(
            tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
        )
    }
    return Tree(
        # A category of the set goes to the right.
        left=np.where(categorical, right, left),
        right=np.where(categorical, left, right),
        feature=np.array(tree["split_indices"], dtype=np.int64),
        # For float32 numbers `x < t` is `x <= the largest number below t`.
        threshold=np.nextafter(condition, np.float32(-np.inf)),
        null_left=default_left != categorical,
        values=np.where(left < 0, condition * weight, np.float32(0)).reshape(-1, 1),
        target=target,
        members=members,
    )
