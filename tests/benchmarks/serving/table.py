"""The table that every peer is fitted on, and the estimators: NumPy and scikit-learn alone, for every environment."""

from typing import Any

import numpy as np

COLUMNS = tuple(f"measure_{number}" for number in range(30))
ROWS = 2_000


def table(rows: int = ROWS) -> tuple[Any, Any]:
    """Numbers as a client would send them, with a few digits, and classes 0 and 1 that depend on them."""
    draw = np.random.default_rng(11)
    matrix = draw.normal(0, 10, (rows, len(COLUMNS))).round(4)
    target = (matrix[:, :5].sum(axis=1) + draw.normal(0, 5, rows) > 0).astype(np.int64)
    return matrix, target


def fitted(kind: str) -> Any:
    """A pipeline that is fitted: a linear model, or a forest of 100 trees."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    matrix, target = table()
    steps: dict[str, Any] = {
        "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": lambda: make_pipeline(RandomForestClassifier(100, random_state=0)),
    }
    return steps[kind]().fit(matrix, target)
