"""Candidates that suit most tables of a task: a linear model, a forest and boosting, with grids of a few settings."""

from typing import Any

from mlyard_shared.metrics import Task

LARGE = 100_000
"""Rows from which on trees are fewer and their leaves larger, so that a first training ends within minutes."""

Candidates = list[dict[str, Any]]


def candidates(task: Task, rows: int) -> Candidates:
    """The candidates for a task and a number of rows; `why` of each is a comment."""
    return [_linear(task), _forest(task, large=rows > LARGE), _boosting(task, large=rows > LARGE)]


def _linear(task: Task) -> dict[str, Any]:
    if task == "regression":
        made = {"estimator": "sklearn.linear_model.Ridge", "grid": {"alpha": [0.1, 1.0, 10.0, 100.0]}}
    else:
        made = {
            "estimator": "sklearn.linear_model.LogisticRegression",
            "parameters": {"max_iter": 1000},
            "grid": {"C": [0.01, 0.1, 1.0, 10.0]},
        }
    return {
        "name": "linear",
        "why": "a linear model: quick, easy to explain, and the best one where little data or noise is",
        **made,
    }


def _forest(task: Task, *, large: bool) -> dict[str, Any]:
    kind = "RandomForestRegressor" if task == "regression" else "RandomForestClassifier"
    features = [0.3, 1.0] if task == "regression" else ["sqrt", 0.5]
    return {
        "name": "forest",
        "why": "a forest of trees: finds curves and combinations of columns, and is hard to get wrong",
        "estimator": f"sklearn.ensemble.{kind}",
        "parameters": {"n_estimators": 100 if large else 200, "random_state": 0},
        "grid": {"min_samples_leaf": [20]} if large else {"min_samples_leaf": [1, 3], "max_features": features},
    }


def _boosting(task: Task, *, large: bool) -> dict[str, Any]:
    kind = "Regressor" if task == "regression" else "Classifier"
    return {
        "name": "boosting",
        "why": "boosted trees: often the best one where there are many rows",
        "estimator": f"sklearn.ensemble.HistGradientBoosting{kind}",
        "parameters": {"max_iter": 200 if large else 100, "random_state": 0},
        "grid": {"max_leaf_nodes": [31, 127] if large else [7, 31]},
    }
