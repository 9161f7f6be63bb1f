"""The converters that the package's entry points name."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def convert(fitted: Any, inputs: int, opsets: dict[str, int], *, factor: float = 1.0) -> Any:
    centers = numpy_helper.from_array(fitted.centers_[None, :, :], "centers")
    sharpness = numpy_helper.from_array(np.array(-fitted.sharpness * factor), "sharpness")
    axis = numpy_helper.from_array(np.array([1]), "axis")
    last = numpy_helper.from_array(np.array([2]), "last")
    nodes = [
        helper.make_node("Unsqueeze", ["x", "axis"], ["rows"]),
        helper.make_node("Sub", ["rows", "centers"], ["apart"]),
        helper.make_node("Mul", ["apart", "apart"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "last"], ["distances"], keepdims=0),
        helper.make_node("Mul", ["distances", "sharpness"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, inputs])
    made = helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, len(fitted.classes_)])
    graph = helper.make_graph(nodes, "centroids", [given], [made], [centers, sharpness, axis, last])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opsets[""])], ir_version=10)


def convert_wrongly(fitted: Any, inputs: int, opsets: dict[str, int]) -> Any:
    return convert(fitted, inputs, opsets, factor=2.0)


def fail(fitted: Any, inputs: int, opsets: dict[str, int]) -> Any:
    raise RuntimeError("no such operator")
