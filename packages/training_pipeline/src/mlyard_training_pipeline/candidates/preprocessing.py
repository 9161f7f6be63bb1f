"""The preprocessing before an estimator: it takes the matrix of inputs by position, and gives numbers only.

`versions.onnx.preprocessing` makes the same operations of it in ONNX: a step that is added here is added there.
"""

from typing import Any

import numpy as np
from mlyard_shared.schema import Schema
from mlyard_shared.spec import Candidate, Features

from mlyard_training_pipeline.candidates import categories, estimators
from mlyard_training_pipeline.candidates.encoding import Block, Encoding
from mlyard_training_pipeline.data.dataset import Class

_DENSE_BYTES = 32 * 1024**2
_SPARSE_DENSITY = 0.3
_EVERYTHING = Features()
_FOLDS_OF_MEANS = 5


def encoding_of(
    candidate: Candidate, schema: Schema, *, features: Features = _EVERYTHING, classes: tuple[Class, ...] = ()
) -> Encoding:
    """Where a candidate's estimator sees the columns of a schema.

    Args:
        candidate: its estimator, with its parameters.
        schema: what the columns of the matrix are.
        features: what the spec says of categories.
        classes: those of the table; none for a regression.
    """
    levels = categories.levels(schema, features, candidate, estimators.prototype(candidate), classes=len(classes))
    return Encoding(schema, levels, means=len(classes) if len(classes) > 2 else 1)


def pipeline(
    candidate: Candidate,
    schema: Schema,
    *,
    classes: tuple[Class, ...] = (),
    rows: int = 0,
    features: Features = _EVERYTHING,
) -> Any:
    """The unfitted pipeline over a matrix of codes; all but its estimator is of scikit-learn.

    Numbers: the median for nulls and a unit variance where the estimator profits; one that has a place of its own for
    nulls takes them as they are. Categories: as `categories` says. Null is a level of its own where the column is
    nullable; an unseen level is null to an estimator that takes categories, zeros in the columns of levels, and the
    mean of all rows.

    Args:
        candidate: its estimator, with its parameters.
        schema: what the columns of the matrix are.
        classes: those of the table, for parameters that name them; none for a regression.
        rows: how many rows there are, which decides whether the encoded categories are kept sparse.
        features: what the spec says of categories.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    encoding = encoding_of(candidate, schema, features=features, classes=classes)
    model = estimators.estimator(candidate, encoding, classes)
    if encoding.native:
        estimators.take_categories(model, encoding.native, encoding.width)
    if encoding.is_plain:
        return Pipeline([("inputs", "passthrough"), ("model", model)])
    sparse = is_sparse(model, encoding, rows)
    making = _Making(model, encoding, np.dtype(estimators.precision(candidate)).type, sparse=sparse, classes=classes)
    transformers = [
        (f"{block.part}_{block.pooled}" if block.pooled else block.part, making.step(block), _columns(block))
        for block in encoding.blocks
    ]
    joined = ColumnTransformer(transformers, sparse_threshold=1.0 if sparse else 0.0)
    return Pipeline([("inputs", joined), ("model", model)])


def is_sparse(model: Any, encoding: Encoding, rows: int) -> bool:
    """Whether the encoded matrix is sparse: where it is large and mostly zeros, and the estimator takes it so.

    A small one stays dense, since several solvers are exact on dense matrices only.
    """
    if rows * encoding.width * 8 <= _DENSE_BYTES or encoding.density >= _SPARSE_DENSITY:
        return False
    return estimators.takes_sparse(model)


def _columns(block: Block) -> Any:
    """The columns of a block as scikit-learn takes them; of neighbours it makes no copy."""
    first, last = block.positions[0], block.positions[-1]
    return slice(first, last + 1) if block.positions == tuple(range(first, last + 1)) else list(block.positions)


class _Making:
    """Makes the steps of one pipeline, over matrices of one type of number."""

    def __init__(
        self, model: Any, encoding: Encoding, kind: type[np.generic], *, sparse: bool, classes: tuple[Class, ...]
    ) -> None:
        self._model, self._encoding, self._kind = model, encoding, kind
        self._sparse, self._classes = sparse, classes

    def step(self, block: Block) -> Any:
        if block.part == "numbers":
            return self._numbers()
        known = [self._encoding.categories[position].known for position in block.positions]
        if block.part == "native":
            return "passthrough" if block.pooled is None else self._pool(block.pooled, known)
        if block.part == "target":
            return self._means(known)
        from sklearn.pipeline import Pipeline

        if block.pooled is None:
            return self._one_hot(known)
        kept = self._one_hot([block.pooled] * len(known))
        return Pipeline([("pool", self._pool(block.pooled, known)), ("one_hot", kept)])

    def _numbers(self) -> Any:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        if estimators.takes_nulls(self._model):
            return "passthrough"
        steps: list[Any] = []
        if self._encoding.nullable:
            steps.append(("median", SimpleImputer(strategy="median", keep_empty_features=True)))
        if estimators.is_scaled(self._model):
            steps.append(("scale", StandardScaler()))
        return Pipeline(steps) if steps else "passthrough"

    def _pool(self, kept: int, known: list[int]) -> Any:
        """The most frequent codes, and one for the others; an unseen level stays apart."""
        from sklearn.preprocessing import OrdinalEncoder

        return OrdinalEncoder(
            categories=self._codes(known),
            handle_unknown="use_encoded_value",
            unknown_value=-1,
            max_categories=kept,
            dtype=self._kind,
        )

    def _one_hot(self, known: list[int]) -> Any:
        from sklearn.preprocessing import OneHotEncoder

        return OneHotEncoder(
            categories=self._codes(known), handle_unknown="ignore", sparse_output=self._sparse, dtype=self._kind
        )

    def _means(self, known: list[int]) -> Any:
        from sklearn.model_selection import KFold
        from sklearn.preprocessing import TargetEncoder

        target = {0: "continuous", 2: "binary"}.get(len(self._classes), "multiclass")
        # In training a row sees the means of other rows than its own.
        folds = KFold(_FOLDS_OF_MEANS, shuffle=True, random_state=estimators.SEED)
        return TargetEncoder(categories=self._codes(known), target_type=target, cv=folds)

    def _codes(self, known: list[int]) -> list[Any]:
        return [np.arange(size, dtype=self._kind) for size in known]
