"""The preprocessing of our own pipelines as a graph, operation by operation as scikit-learn computes it."""

from typing import Any

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.graph import INPUT, Graph


def add(graph: Graph, transformer: Any) -> str:
    """Add a fitted `ColumnTransformer` over columns by position, and return its output, of shape [n, encoded].

    Raises:
        NotImplementedError: it holds a step that `candidates.preprocessing` does not make.
    """
    blocks = [
        _block(graph, step, list(positions)) for _, step, positions in transformer.transformers_ if len(positions)
    ]
    return blocks[0] if len(blocks) == 1 else graph.node("Concat", *blocks, axis=1)


def number_inputs(transformer: Any) -> dict[int, int]:
    """Which input each number of the encoded matrix is, by its column there."""
    found: dict[int, int] = {}
    start = 0
    for _, step, positions in transformer.transformers_:
        if type(step).__name__ == "OneHotEncoder":
            start += sum(len(known) for known in step.categories_)
        else:
            found |= {start + offset: position for offset, position in enumerate(positions)}
            start += len(positions)
    return found


def _block(graph: Graph, step: Any, positions: list[int]) -> str:
    kind = type(step).__name__
    if kind == "OneHotEncoder":
        return _one_hot(graph, step, positions)
    numbers = graph.node("Gather", INPUT, graph.constant(np.array(positions, dtype=np.int64)), axis=1)
    if kind == "Pipeline":
        for _, inner in step.steps:
            numbers = _scaled(graph, numbers, inner)
    elif kind != "FunctionTransformer" or step.func is not None:
        raise NotImplementedError(f"{kind} is not a step of the preprocessing")
    return numbers


def _scaled(graph: Graph, numbers: str, step: Any) -> str:
    kind = type(step).__name__
    if kind == "SimpleImputer" and not step.add_indicator:
        return graph.node("Where", graph.node("IsNaN", numbers), _row(graph, step.statistics_), numbers)
    if kind == "StandardScaler":
        return graph.node("Div", graph.node("Sub", numbers, _row(graph, step.mean_)), _row(graph, step.scale_))
    raise NotImplementedError(f"{kind} is not a step of the preprocessing")


def _one_hot(graph: Graph, encoder: Any, positions: list[int]) -> str:
    """One comparison for all categories: each code beside the category that its output column stands for."""
    widths = [len(known) for known in encoder.categories_]
    repeated = np.repeat(np.array(positions, dtype=np.int64), widths)
    codes = graph.node("Gather", INPUT, graph.constant(repeated), axis=1)
    hits = graph.node("Equal", codes, _row(graph, np.concatenate(encoder.categories_)))
    return graph.cast(hits, np.dtype(graph.form.precision).type)


def _row(graph: Graph, values: Array) -> str:
    return graph.constant(np.asarray(values, dtype=graph.form.precision).reshape(1, -1))
