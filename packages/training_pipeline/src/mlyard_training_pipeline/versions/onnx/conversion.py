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

from mlyard_training_pipeline.versions.onnx import ensembles, library, limits, linear, preprocessing
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

    graph = Graph(form, width)
    features = preprocessing.add(graph, pipeline[0])
    part = next((part for part in (ensembles, linear) if part.has(pipeline[-1])), library)
    scores = part.scores(graph, features, pipeline[-1])
    if is_classifier(pipeline[-1]):
        probabilities = graph.cast(scores, np.float64, output="probabilities")
        graph.node("ArgMax", probabilities, output="label", axis=1, keepdims=0)
        return graph.model({"label": (np.int64, 1), "probabilities": (np.float64, 2)})
    vector = graph.node("Reshape", scores, graph.constant(np.array([-1], dtype=np.int64)))
    graph.cast(vector, np.float64, output="variable")
    return graph.model({"variable": (np.float64, 1)})


def is_ours(model: Any) -> bool:
    """Whether an estimator is converted by our own code, whose time and memory grow with the model alone."""
    return ensembles.has(model) or linear.has(model)


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
