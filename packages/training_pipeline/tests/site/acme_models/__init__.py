"""A user's own package, as it is installed beside the pipeline: an estimator, and its converter in `onnx`."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Centroids(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Says how near a row is to the mean of each class."""

    def __init__(self, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's names
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        self.centers_ = np.stack([X[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        raw = -self.sharpness * ((X[:, None, :] - self.centers_) ** 2).sum(axis=2)
        shares = np.exp(raw - raw.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Unconverted(Centroids):
    """It has no converter."""


class Wrong(Centroids):
    """Its converter makes another model."""


class Failing(Centroids):
    """Its converter fails."""
