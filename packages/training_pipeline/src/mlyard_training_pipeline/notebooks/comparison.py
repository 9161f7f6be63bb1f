"""Whether a translated pipeline says of every row what the original says."""

from typing import Any

import numpy as np
from mlyard_shared import decision
from mlyard_shared.decision import TOLERANCE, Decision
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.metrics import Task

from mlyard_training_pipeline.candidates import predictions
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.notebooks import frames
from mlyard_training_pipeline.notebooks.frames import Names, plain

_AT_ONCE = 20_000


def check(
    original: Any, translated: Any, dataset: Dataset, names: Names, *, task: Task, precision: Any, rule: Decision
) -> int:
    """Hold both against each other on every row of the table, and return how many there are.

    Raises:
        TrainingError: they differ, or one of them fails; says in how many rows and by how much.
    """
    scale = float(dataset.target.std()) or 1.0
    for rows in frames.parts(dataset.rows, _AT_ONCE):
        frame = frames.frame(dataset, rows, names)
        try:
            expected = _of_original(original, frame, dataset, task)
        # It raises what it likes.
        except Exception as error:
            raise TrainingError(f"the pipeline does not take the rows of the table: {_first_line(error)}") from error
        try:
            matrix = dataset.matrix(rows, precision=precision)
            found = predictions.predict(translated, matrix, task=task, rule=rule)
        except Exception as error:
            raise TrainingError(f"the pipeline does not take a matrix of numbers: {_first_line(error)}") from error
        _compare(found, expected, scale=scale, rule=rule, task=task)
    return dataset.rows


def _of_original(original: Any, frame: Any, dataset: Dataset, task: Task) -> Predictions:
    """What the original says, classes as their positions."""
    said = original.predict(frame)
    if task == "regression":
        return Predictions(np.asarray(said, dtype=np.float64).reshape(-1))
    places = {label: place for place, label in enumerate(dataset.classes)}
    labels = np.array([places[plain(label)] for label in np.asarray(said).tolist()], dtype=np.int64)
    shares = original.predict_proba(frame) if hasattr(original, "predict_proba") else None
    return Predictions(labels, shares)


def _compare(found: Predictions, expected: Predictions, *, scale: float, rule: Decision, task: Task) -> None:
    left, right = found.probabilities, expected.probabilities
    if task == "regression":
        _check_numbers(found.labels, expected.labels, "answers", scale)
        return
    clear = np.ones(len(found.labels), dtype=bool)
    if left is not None and right is not None:
        _check_numbers(left, right, "probabilities", 1.0)
        clear = decision.distances(right, rule) > 2 * rule.tolerance
    differs = (found.labels != expected.labels) & clear
    if differs.any():
        raise TrainingError(
            f"of {int(differs.sum())} rows the pipeline's own predict says another class than its probabilities do by "
            "the spec's decision: give the threshold that it uses as decision.threshold"
        )


def _check_numbers(left: Array, right: Array, what: str, scale: float) -> None:
    gaps = np.abs(left - right) / scale
    largest = float(gaps.max()) if gaps.size else 0.0
    if not largest <= TOLERANCE:
        rows = int((~(gaps.reshape(len(gaps), -1).max(axis=1) <= TOLERANCE)).sum())
        raise TrainingError(
            f"over codes its {what} differ in {rows} rows from the pipeline's own, by up to {largest:.2g} where "
            f"{TOLERANCE:.0e} is allowed: a step of it depends on more than the values of a row"
        )


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
