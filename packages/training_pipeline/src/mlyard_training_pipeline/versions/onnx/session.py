"""Run a twin as the API does: on one thread, labels made by the version's decision."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.metrics import Task

from mlyard_training_pipeline.candidates.predictions import Predictions, decided

_BATCH = 2_000


def opened(twin: Path) -> Any:
    """A session of a twin, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(twin), options, providers=["CPUExecutionProvider"])


def predict(twin: Path, inputs: Mapping[str, Array], *, task: Task, rule: Decision | None) -> Predictions:
    """Run a twin over inputs of shape [n, width]; without a rule the labels are its own."""
    session = opened(twin)
    wanted = {value.name for value in session.get_inputs()}
    names = ["label", "probabilities"] if task == "classification" else ["variable"]
    rows = len(next(iter(inputs.values())))
    parts: list[Any] = [
        session.run(names, {name: array[start : start + _BATCH] for name, array in inputs.items() if name in wanted})
        for start in range(0, max(rows, 1), _BATCH)
    ]
    first, *rest = (np.concatenate(outputs) for outputs in zip(*parts, strict=True))
    if not rest:
        return Predictions(first.reshape(-1))
    return decided(rest[0], rule) if rule else Predictions(first.reshape(-1), rest[0])
