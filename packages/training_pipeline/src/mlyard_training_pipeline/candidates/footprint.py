"""How much memory a fit takes at most, before it is tried: the matrices that exist at the same time, row by row.

Measured with `tracemalloc` over scikit-learn's estimators on tables of flights; a test compares it again.
"""

from typing import Any

from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.candidates.encoding import Encoding

PROCESS = 400 * 1024**2
"""Python, the libraries, and what is mapped of a small Dataset."""

_COPIES = 2.5
"""Of an encoded matrix: its parts and what they are joined into, and then what the estimator makes of it."""

_SPARSE_COPIES = 3.5
_COPIES_OF_HISTOGRAMS = 2.0
"""HistGradientBoosting puts apart some rows to stop by, and what is left is a copy."""

_COPIES_FOR_CATEGORIES = 1.0
"""And it puts its categories first."""

_OF_A_ROW = 64
"""Bytes for what is said of a row: gradients, answers, scores."""

_INDEX = 8
_IN_SINGLE = (
    "sklearn.tree",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._bagging",
    "xgboost",
)
"""Those whose inputs are float32."""

_NODE = 64


def of_fit(model: Any, encoding: Encoding, *, rows: int, folds: int, classes: int = 0) -> int:
    """The bytes that the search and the fit of an estimator take beside the process itself.

    Args:
        model: the estimator, unfitted.
        encoding: of the columns for it.
        rows: those that are trained on.
        folds: how many.
        classes: how many the target has, 0 for a regression.
    """
    size = 4 if type(model).__module__.startswith(_IN_SINGLE) else 8
    inputs = len(encoding.schema.input_names) * size
    each = inputs + folds * _INDEX + _OF_A_ROW + 24 * max(classes, 1)
    return int(rows * (each + max(inputs, _encoded(model, encoding, rows, size))))


def of_trees(model: Any, *, rows: int, classes: int = 0) -> int:
    """The bytes that the trees of a forest, or of a booster, may grow to where each leaf has one class in the end."""
    parameters = model.get_params(deep=False)
    if "max_depth" not in parameters or not isinstance(trees := parameters.get("n_estimators"), int):
        return 0
    smallest = parameters.get("min_samples_leaf", 1)
    leaves = rows * 0.63 / smallest if isinstance(smallest, int) else 1 / smallest
    if classes:
        leaves /= 3  # of a target that the columns say something about
    depth, most = parameters["max_depth"], parameters.get("max_leaf_nodes", parameters.get("num_leaves"))
    bounds = [2.0**depth if depth and depth > 0 else leaves, most if most and most > 0 else leaves]
    return int(trees * 2 * min(leaves, *bounds) * (_NODE + 8 * max(classes, 1)))


def told(count: float) -> str:
    """A number of bytes for people."""
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.0f} MiB"


def _encoded(model: Any, encoding: Encoding, rows: int, size: int) -> float:
    """The bytes of a row for the estimator's matrix and its copies."""
    if preprocessing.is_sparse(model, encoding, rows):
        return encoding.width * encoding.density * (size + 4) * _SPARSE_COPIES
    dense = encoding.width * max(size, 8 if any(block.part == "target" for block in encoding.blocks) else 0)
    inner = estimators.single(model)
    if not type(inner).__name__.startswith("HistGradientBoosting"):
        return dense * _COPIES
    copies = _COPIES_OF_HISTOGRAMS + (_COPIES_FOR_CATEGORIES if encoding.native else 0)
    return dense * (copies + (0 if encoding.is_plain else 1)) + encoding.width
