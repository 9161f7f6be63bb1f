"""A candidate's sample of a table in which one input decides."""

from typing import Any

import numpy as np
import pytest
from mlyard_training_pipeline.evidence.sample import Sample
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline


@pytest.fixture
def sample() -> Sample:
    draw = np.random.default_rng(3)
    matrix = draw.normal(size=(300, 3))
    target = matrix[:, 1] * 10 + draw.normal(size=300)
    rows = np.arange(300)
    splits = [(rows[rows % 3 != fold], rows[rows % 3 == fold]) for fold in range(3)]

    def score(fitted: Any, given: Any, truth: Any) -> float:
        return -float(np.mean(np.abs(fitted.predict(given) - truth)))

    pipeline = make_pipeline("passthrough", LinearRegression())
    return Sample(pipeline, ("a", "b", "c"), matrix, target, np.ones(300), splits, score, seconds=0.0)
