"""The preprocessing of our own pipelines as a graph, operation by operation as scikit-learn computes it.

What an encoder makes of a category depends on its code alone, so that the twin looks it up in a table that scikit-learn
itself has filled: it cannot be another number.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.versions.onnx.graph import INPUT, Graph


def add(graph: Graph, transformer: Any) -> str:
    """Add what comes before the estimator, and return its output, of shape [n, encoded].

    Args:
        graph: where it goes.
        transformer: a fitted `ColumnTransformer` over columns by position, or "passthrough".

    Raises:
        NotImplementedError: it holds a step that `candidates.preprocessing` does not make.
    """
    if transformer == "passthrough":
        return INPUT
    blocks = [_block(graph, step, positions) for step, positions in _steps(transformer) if positions]
    if len({block.kind for block in blocks}) > 1:
        blocks = [_Block(graph.cast(block.name, np.float64), np.float64) for block in blocks]
    return blocks[0].name if len(blocks) == 1 else graph.node("Concat", *(block.name for block in blocks), axis=1)


def number_inputs(pipeline: Any) -> dict[int, int]:
    """Which input each column of the encoded matrix is that is taken as it is."""
    transformer = pipeline[0]
    if transformer == "passthrough":
        return {position: position for position in range(int(pipeline[-1].n_features_in_))}
    found: dict[int, int] = {}
    start = 0
    for step, positions in _steps(transformer):
        width = _width(step, len(positions))
        if not _is_encoder(step):
            found |= {start + offset: position for offset, position in enumerate(positions)}
        start += width
    return found


def _steps(transformer: Any) -> Iterator[tuple[Any, list[int]]]:
    """The steps of a `ColumnTransformer` with the inputs that each takes."""
    for _, step, columns in transformer.transformers_:
        if isinstance(columns, slice):
            yield step, list(range(*columns.indices(transformer.n_features_in_)))
        else:
            yield step, list(columns)


class _Block(NamedTuple):
    """Columns of the encoded matrix, and their type."""

    name: str
    kind: type[np.generic]


def _block(graph: Graph, step: Any, positions: list[int]) -> _Block:
    kind, precision = type(step).__name__, np.dtype(graph.form.precision).type
    if kind == "OneHotEncoder":
        codes = graph.inputs(positions)
        return _Block(_one_hot(graph, step, codes), precision)
    numbers = graph.inputs(positions)
    if kind == "TargetEncoder":
        return _Block(_looked_up(graph, step, numbers), np.float64)
    if kind == "OrdinalEncoder":
        return _Block(_looked_up(graph, step, numbers), precision)
    if kind == "Pipeline" and type(step[0]).__name__ == "OrdinalEncoder":
        return _Block(_one_hot(graph, step[1], _looked_up(graph, step[0], numbers)), precision)
    if kind == "Pipeline" and len(step) == 2 and type(step[1]).__name__ == "TargetEncoder":
        return _Block(_looked_up(graph, step[1], _scaled(graph, numbers, step[0])), np.float64)
    if kind == "Pipeline":
        for _, inner in step.steps:
            numbers = _scaled(graph, numbers, inner)
    elif kind != "FunctionTransformer" or step.func is not None:
        raise NotImplementedError(f"{kind} is not a step of the preprocessing")
    return _Block(numbers, precision)


def _scaled(graph: Graph, numbers: str, step: Any) -> str:
    kind = type(step).__name__
    if kind == "SimpleImputer" and not step.add_indicator:
        return graph.node("Where", graph.node("IsNaN", numbers), _row(graph, step.statistics_), numbers)
    if kind == "StandardScaler":
        return graph.node("Div", graph.node("Sub", numbers, _row(graph, step.mean_)), _row(graph, step.scale_))
    raise NotImplementedError(f"{kind} is not a step of the preprocessing")


def _one_hot(graph: Graph, encoder: Any, codes: str) -> str:
    """One comparison for all categories: each code beside the category that its output column stands for."""
    widths = [len(known) for known in encoder.categories_]
    places = np.repeat(np.arange(len(widths), dtype=np.int64), widths)
    repeated = graph.node("Gather", codes, graph.constant(places), axis=1)
    hits = graph.node("Equal", repeated, _row(graph, np.concatenate(encoder.categories_)))
    return graph.cast(hits, np.dtype(graph.form.precision).type)


def _looked_up(graph: Graph, encoder: Any, inputs: str) -> str:
    """What an encoder makes of codes, one table below the other."""
    counts = [len(known) for known in encoder.categories_]
    # The first entry is that of an unseen level, whose code is -1, and so is the last: null where nobody allowed it.
    codes = np.full((max(counts) + 2, len(counts)), -1, dtype=np.float64)
    for column, count in enumerate(counts):
        codes[1 : count + 1, column] = np.arange(count)
    made = np.asarray(encoder.transform(codes))
    width = made.shape[1] // len(counts)
    tables = [made[: count + 2, column * width : (column + 1) * width] for column, count in enumerate(counts)]
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
    rows = graph.node("Add", graph.cast(inputs, np.int64), graph.constant((starts + 1).reshape(1, -1)))
    found = graph.node("Gather", graph.constant(np.concatenate(tables)), rows, axis=0)
    return graph.node("Reshape", found, graph.constant(np.array([-1, width * len(counts)], dtype=np.int64)))


def _is_encoder(step: Any) -> bool:
    inner = [part for _, part in step.steps] if type(step).__name__ == "Pipeline" else [step]
    return any(type(part).__name__ in ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder") for part in inner)


def _width(step: Any, inputs: int) -> int:
    """How many columns a step makes of its inputs."""
    if not _is_encoder(step):
        return inputs
    return len(step.get_feature_names_out([f"x{number}" for number in range(inputs)]))


def _row(graph: Graph, values: Array) -> str:
    return graph.constant(np.asarray(values, dtype=graph.form.precision).reshape(1, -1))
