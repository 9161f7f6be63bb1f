"""Convert one pipeline: `python -m mlyard_training_pipeline.versions.onnx.conversion MODEL TWIN KINDS`.

In two parts, since each is exact in another precision (a plain float32 conversion is off by up to 1e-1 in
probability): the preprocessing in double, a cast, and the estimator in float32 where it is made of trees, which
scikit-learn itself feeds with float32, else in double. Both are then merged into one graph.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.pipelines import load_pipeline

OPSETS = {"": 21, "ai.onnx.ml": 3}
_FLOAT32 = ("sklearn.ensemble", "sklearn.tree", "sklearn.calibration")


def convert(pipeline: Any, kinds: str) -> Any:
    """An ONNX model of a fitted pipeline over `features.matrix`.

    Args:
        pipeline: preprocessing by column position, then one estimator.
        kinds: a letter for each input, `d` for double and `s` for string.

    Raises:
        NotImplementedError: the estimator is known to convert wrongly.
    """
    from onnx import compose
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
    from sklearn.base import is_classifier

    from mlyard_training_pipeline.versions.onnx import converters

    final = pipeline[-1]
    _refuse(final)
    converters.register()
    tensors = {"d": DoubleTensorType, "s": StringTensorType}
    inputs = [(f"x{position}", tensors[kind]([None, 1])) for position, kind in enumerate(kinds)]
    first = to_onnx(pipeline[:-1], initial_types=inputs, target_opset=OPSETS)
    in_float32 = type(final).__module__.startswith(_FLOAT32)
    # ONNX Runtime has no support vector regression in double.
    in_float32 |= type(final).__module__.startswith("sklearn.svm") and not is_classifier(final)
    features = int(final.n_features_in_)
    options = {id(final): {"zipmap": False}} if is_classifier(final) else None
    kind = (FloatTensorType if in_float32 else DoubleTensorType)([None, features])
    second = to_onnx(final, initial_types=[("X", kind)], options=options, target_opset=OPSETS)
    first = compose.add_prefix(first, "inputs_", rename_inputs=False)
    _end_with_cast(first, "cast", in_float32=in_float32, features=features)
    second = compose.add_prefix(second, "model_")
    _align(first, second)
    merged = compose.merge_models(first, second, io_map=[("cast", "model_X")])
    _name_outputs(merged, ["label", "probabilities"] if is_classifier(final) else ["variable"])
    return merged


def _refuse(final: Any) -> None:
    if getattr(final, "method", None) == "isotonic":
        raise NotImplementedError("isotonic calibration converts inexactly")
    if getattr(final, "is_categorical_", None) is not None:
        raise NotImplementedError("native categories of HistGradientBoosting convert wrongly")


def _end_with_cast(model: Any, name: str, *, in_float32: bool, features: int) -> None:
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT if in_float32 else TensorProto.DOUBLE
    graph = model.graph
    graph.node.append(helper.make_node("Cast", [graph.output[0].name], [name], to=kind))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, kind, [None, features]))


def _align(*models: Any) -> None:
    from onnx import helper

    for model in models:
        model.ir_version = 10
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in OPSETS.items())


def _name_outputs(model: Any, names: list[str]) -> None:
    """Give the graph's outputs their names; labels and numbers become vectors, of shape [n]."""
    from onnx import TensorProto, helper

    graph = model.graph
    found = {name: graph.output[position] for position, name in enumerate(names)}
    kept = []
    for name, output in found.items():
        if name == "probabilities":
            graph.node.append(helper.make_node("Identity", [output.name], [name]))
            shape: list[int | None] = [None, None]
        else:
            vector = helper.make_tensor(f"{name}_shape", TensorProto.INT64, [1], [-1])
            graph.initializer.append(vector)
            graph.node.append(helper.make_node("Reshape", [output.name, vector.name], [name]))
            shape = [None]
        kept.append(helper.make_tensor_value_info(name, output.type.tensor_type.elem_type, shape))
    del graph.output[:]
    graph.output.extend(kept)


def main(arguments: list[str]) -> int:
    """Convert a file into a file; the reason of a failure is the last line of standard error."""
    model, twin, kinds = arguments
    # They are for whoever writes converters; whether the twin is right is measured later.
    warnings.simplefilter("ignore")
    try:
        Path(twin).write_bytes(convert(load_pipeline(Path(model)), kinds).SerializeToString())
    # skl2onnx raises whatever its converters raise; here each means that there is no twin.
    except (Exception, ModelVersionRefused) as error:  # noqa: BLE001 - the reason goes to the parent process
        text = str(error).strip().splitlines()
        sys.stderr.write(f"{type(error).__name__}: {text[0] if text else 'no reason given'}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
