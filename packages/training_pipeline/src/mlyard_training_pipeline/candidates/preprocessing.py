"""The preprocessing before an estimator: it takes the matrix of inputs by position, and gives numbers only.

`versions.onnx.preprocessing` makes the same operations of it in ONNX: a step that is added here is added there.
"""

from typing import Any

import numpy as np
from mlyard_shared.schema import Schema
from mlyard_shared.spec import Candidate

from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data.dataset import Class

_UNSCALED = ("sklearn.dummy", "sklearn.ensemble", "sklearn.naive_bayes", "sklearn.tree")
_DENSE_BYTES = 32 * 1024**2
_SPARSE_DENSITY = 0.3


def pipeline(candidate: Candidate, schema: Schema, *, classes: tuple[Class, ...] = (), rows: int = 0) -> Any:
    """The unfitted pipeline over a matrix of codes; it holds classes of scikit-learn only.

    Numbers: the median for nulls and a unit variance where the estimator profits; HistGradientBoosting takes them as
    they are. Categories: one column for each, null is one where the column is nullable, and others become zeros.

    Args:
        candidate: its estimator, with its parameters.
        schema: what the columns of the matrix are.
        classes: those of the table, for parameters that name them.
        rows: how many rows there are, which decides whether the encoded categories are kept sparse.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoding = Encoding(schema)
    model = estimators.estimator(candidate, encoding, classes)
    transformers: list[Any] = []
    if encoding.numbers:
        transformers.append(("numbers", _numbers(model, nullable=encoding.nullable), list(encoding.numbers)))
    sparse = is_sparse(model, encoding, rows)
    if encoding.categories:
        kind = np.dtype(estimators.precision(candidate))
        known = [np.arange(size, dtype=kind) for size in encoding.categories.values()]
        encoder = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=sparse, dtype=kind.type)
        transformers.append(("categories", encoder, list(encoding.categories)))
    joined = ColumnTransformer(transformers, sparse_threshold=1.0 if sparse else 0.0)
    return Pipeline([("inputs", joined), ("model", model)])


def is_sparse(model: Any, encoding: Encoding, rows: int) -> bool:
    """Whether the encoded matrix is sparse: where it is large and mostly zeros, and the estimator takes it so.

    A small one stays dense, since several solvers are exact on dense matrices only.
    """
    if not encoding.categories or encoding.density >= _SPARSE_DENSITY or rows * encoding.width * 8 <= _DENSE_BYTES:
        return False
    return estimators.takes_sparse(model)


def _numbers(model: Any, *, nullable: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if type(model).__name__.startswith("HistGradientBoosting"):
        return "passthrough"
    steps: list[Any] = []
    if nullable:
        steps.append(("median", SimpleImputer(strategy="median", keep_empty_features=True)))
    if not type(model).__module__.startswith(_UNSCALED):
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps) if steps else "passthrough"
