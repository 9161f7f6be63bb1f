"""What an engine answers, checked for what it claims to be."""

from collections.abc import Mapping

import numpy as np

from mlyard_shared.decision import TOLERANCE
from mlyard_shared.engines.engine import Engine, Output
from mlyard_shared.errors import ModelFailed, NotComputable
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 together: in float32, of many classes, they are not exact."""

_MAY_GIVE_ZEROS = "RadiusNeighborsClassifier"
"""The one estimator whose probabilities of a row may all be 0: where no neighbor is near."""


FEW = 64
"""So many numbers are looked at one by one in less time than NumPy takes to begin."""


def predict(engine: Engine, manifest: Manifest, columns: Mapping[str, Array], *, rows: int) -> Output:
    """Answer for so many rows: class indices or finite float64 [n], and probabilities [n, classes] or None.

    Raises:
        ModelFailed: the engine fails, or answers what no such model can.
        NotComputable: the answer for a row is not finite.
    """
    try:
        output = engine.predict(columns)
    # The libraries raise what they like.
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise ModelFailed(f"its engine fails: {type(error).__name__}: {text}") from error
    return _checked(output, manifest, rows)


def _checked(output: Output, manifest: Manifest, count: int) -> Output:
    predictions, probabilities = output
    classes = len(manifest.classes)
    if predictions.shape != (count,) or (probabilities is not None and probabilities.shape != (count, classes)):
        raise ModelFailed("its answer has the wrong shape")
    if manifest.task == "regression":
        if not _is_number(predictions):
            raise ModelFailed("its answer is not a number")
        predictions = predictions.astype(np.float64)
        _check_finite(predictions[:, None])
        return Output(predictions, None)
    if probabilities is not None and not _are_few_and_right(probabilities):
        _check_probabilities(probabilities, manifest)
    if predictions.dtype.kind not in "iu" or not _lie_in(predictions, classes):
        raise ModelFailed("its answer is not one of its classes")
    return output


def _lie_in(labels: Array, classes: int) -> bool:
    """Whether labels are indices of classes."""
    if len(labels) <= FEW:
        return all(0 <= label < classes for label in labels.tolist())
    return bool(labels.min() >= 0 and labels.max() < classes)


def _are_few_and_right(probabilities: Array) -> bool:
    """Whether these are so few probabilities that this is quickly told, and all is right with them."""
    if probabilities.size > FEW or probabilities.dtype.kind != "f":
        return False
    # A comparison with NaN is false.
    return all(
        min(row) >= -TOLERANCE and max(row) <= 1 + TOLERANCE and abs(sum(row) - 1) <= SUM_TOLERANCE
        for row in probabilities.tolist()
    )


def _check_probabilities(probabilities: Array, manifest: Manifest) -> None:
    if not _is_number(probabilities):
        raise ModelFailed("its probabilities are not numbers")
    low, high = float(probabilities.min(initial=0)), float(probabilities.max(initial=0))
    # A comparison with NaN is false, and the least of several numbers is NaN where one of them is.
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
        _check_finite(probabilities)
        raise ModelFailed(f"its probabilities lie between {low:.6g} and {high:.6g}")
    sums = probabilities.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1) > SUM_TOLERANCE
    if manifest.estimator.endswith(_MAY_GIVE_ZEROS):
        wrong &= sums != 0
    if wrong.any():
        raise ModelFailed(f"its probabilities of a row add up to {sums[np.argmax(wrong)]:.6g}")


def _check_finite(numbers: Array) -> None:
    finite = np.asarray(np.isfinite(numbers).all(axis=1))
    if not finite.all():
        raise NotComputable("the model has no finite answer for this row", row=int(np.argmin(finite)))


def _is_number(values: Array) -> bool:
    return bool(np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer))
