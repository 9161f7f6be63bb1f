"""Convert one pipeline: `python -m ....conversion MODEL TWIN WIDTH PRECISION CPU_SECONDS MEMORY_BYTES`.

Its graph has three parts: the preprocessing, the estimator's scores in double, and the names of the outputs.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.schema import InputForm

from mlyard_training_pipeline.versions.onnx import composites, ensembles, library, limits, linear, own, preprocessing
from mlyard_training_pipeline.versions.onnx.graph import Graph


def convert(pipeline: Any, *, width: int, form: InputForm) -> Any:
    """An ONNX model of a fitted pipeline of `candidates.preprocessing`.

    Args:
        pipeline: preprocessing by column position, then one estimator.
        width: the number of inputs.
        form: their precision.

    Raises:
        NotImplementedError: a part of the pipeline has no exact twin.
    """
    from sklearn.base import is_classifier

    if len(pipeline) > 2:
        raise NotImplementedError("there are steps between the preprocessing and the estimator")
    graph = Graph(form, width, composed=composites.has(pipeline[-1]))
    features = preprocessing.add(graph, pipeline[0])
    scores = _scores(graph, features, pipeline[-1])
    if is_classifier(pipeline[-1]):
        probabilities = graph.cast(scores, np.float64, output="probabilities")
        graph.node("ArgMax", probabilities, output="label", axis=1, keepdims=0)
        return graph.model({"label": (np.int64, 1), "probabilities": (np.float64, 2)})
    vector = graph.node("Reshape", scores, graph.constant(np.array([-1], dtype=np.int64)))
    graph.cast(vector, np.float64, output="variable")
    return graph.model({"variable": (np.float64, 1)})


def is_ours(model: Any) -> bool:
    """Whether an estimator is converted without a library, in time and memory that grow with the model alone."""
    if composites.has(model):
        return all(is_ours(part) for part in composites.parts(model))
    return any(part.has(model) for part in (own, ensembles, linear))


def _scores(graph: Graph, source: str, model: Any) -> str:
    if composites.has(model):
        return composites.scores(graph, source, model, _scores)
    for has, add in ((own.has, own.scores), (ensembles.has, ensembles.scores), (linear.has, linear.scores)):
        if has(model):
            return add(graph, source, model)
    return library.scores(graph, source, model)


def main(arguments: list[str]) -> int:
    """Convert a file into a file within limits; the reason of a failure is the last line of standard error."""
    model, twin, width, precision, cpu, memory = arguments
    try:
        pipeline = load_pipeline(Path(model))
        limits.apply(int(cpu), int(memory))
        form = InputForm.model_validate({"precision": precision})
        made = convert(pipeline, width=int(width), form=form)
        Path(twin).write_bytes(made.SerializeToString(deterministic=True))
    # skl2onnx raises whatever its converters raise; here each means that there is no twin.
    except (Exception, ModelVersionRefused) as error:  # noqa: BLE001 - the reason goes to the parent process
        text = str(error).strip().splitlines()
        sys.stderr.write(f"{type(error).__name__}: {text[0] if text else 'no reason given'}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
