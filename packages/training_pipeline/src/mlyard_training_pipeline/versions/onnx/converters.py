"""Converters where skl2onnx's own are missing or wrong: the imputer in double, and HistGradientBoosting's trees."""

from typing import Any

import numpy as np


def register() -> None:
    """Put the converters into skl2onnx's registry. They are for this process, which converts one pipeline and ends."""
    from skl2onnx import update_registered_converter
    from skl2onnx.operator_converters import random_forest
    from sklearn.impute import SimpleImputer

    update_registered_converter(SimpleImputer, "SklearnSimpleImputer", _imputer_shape, _convert_imputer, overwrite=True)
    random_forest.add_tree_to_attribute_pairs_hist_gradient_boosting = _add_histogram_tree


def _imputer_shape(operator: Any) -> None:
    kind = operator.inputs[0].type
    operator.outputs[0].type = kind.__class__([None, sum(value.type.shape[1] for value in operator.inputs)])


def _convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """`Where(IsNaN(x), statistics, x)` in double: skl2onnx's own imputer exists in float32 only."""
    from onnx import TensorProto
    from skl2onnx.operator_converters.common import concatenate_variables

    imputer = operator.raw_operator
    if imputer.add_indicator or np.isnan(np.asarray(imputer.statistics_, dtype=np.float64)).any():
        raise NotImplementedError("an imputer with indicators or without statistics")
    joined = concatenate_variables(scope, operator.inputs, container)
    statistics, missing = scope.get_unique_variable_name("statistics"), scope.get_unique_variable_name("missing")
    medians = np.asarray(imputer.statistics_, dtype=np.float64).tolist()
    container.add_initializer(statistics, TensorProto.DOUBLE, [1, len(medians)], medians)
    container.add_node("IsNaN", [joined], [missing])
    container.add_node("Where", [missing, statistics, joined], [operator.outputs[0].full_name])


def _add_histogram_tree(
    pairs: Any,
    is_classifier: bool,
    tree: Any,
    tree_id: int,
    weight: float,
    bias: int,
    counts: Any,
    adjust_threshold_for_sklearn: bool = False,
    dtype: Any = None,
) -> None:
    """skl2onnx's own passes NumPy scalars on, which ONNX's attributes refuse."""
    from skl2onnx.common.tree_ensemble import add_node

    for position, node in enumerate(tree.nodes):
        leaf = bool(node["is_leaf"])
        add_node(
            pairs,
            is_classifier,
            tree_id,
            weight,
            position,
            0 if leaf else int(node["feature_idx"]),
            "LEAF" if leaf else "BRANCH_LEQ",
            0.0 if leaf else float(node["num_threshold"]),
            0 if leaf else int(node["left"]),
            0 if leaf else int(node["right"]),
            np.array([float(node["value"])]),
            bias,
            counts,
            adjust_threshold_for_sklearn=adjust_threshold_for_sklearn,
            dtype=dtype,
            nodes_missing_value_tracks_true=0 if leaf else int(node["missing_go_to_left"]),
        )
