"""The inputs of contract 1 before a twin: one for each column, of texts for a category."""

from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.columns import MISSING
from mlyard_shared.schema import InputForm, Schema

from mlyard_training_pipeline.versions.onnx.graph import INPUT, ML


def put_before(twin: Path, schema: Schema, form: InputForm) -> None:
    """Make a twin's matrix of codes from inputs `x0`, `x1`, ... of shape [n, 1], as contract 1 has them.

    Args:
        twin: the file, which is written anew.
        schema: of the version.
        form: in which the twin takes its inputs so far.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(twin)
    categories = {column.name: column.categories for column in schema.columns if column.type == "category"}
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(form.precision))
    nodes: list[Any] = []
    inputs: list[Any] = []
    for position, name in enumerate(schema.input_names):
        given = f"x{position}"
        is_text = name in categories
        inputs.append(
            helper.make_tensor_value_info(given, TensorProto.STRING if is_text else TensorProto.DOUBLE, [None, 1])
        )
        if is_text:
            texts = [*categories[name], MISSING]
            codes = [float(code) for code in range(len(texts))]
            encoding: dict[str, Any] = {"keys_strings": texts, "values_floats": codes, "default_float": -1.0}
            nodes.append(helper.make_node("LabelEncoder", [given], [f"code_{position}"], domain=ML, **encoding))
            given = f"code_{position}"
        nodes.append(helper.make_node("Cast", [given], [f"input_{position}"], to=kind))
    names = [f"input_{position}" for position in range(len(inputs))]
    nodes.append(helper.make_node("Concat", names, [INPUT], axis=1))
    own = list(model.graph.node)
    del model.graph.node[:]
    del model.graph.input[:]
    model.graph.node.extend([*nodes, *own])
    model.graph.input.extend(inputs)
    if all(known.domain != ML for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid(ML, 3))
    twin.write_bytes(model.SerializeToString(deterministic=True))
